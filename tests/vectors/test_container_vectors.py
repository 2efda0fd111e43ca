"""The published sealed files, read by a second reader that knows only docs/protocol/container.md."""

import hashlib
import hmac
import io
import json
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealgrid.crypto.container import open_bytes, read_header, seal_bytes

VECTORS = json.loads(Path(__file__).with_name("container.json").read_text())
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])


def raw(vector, name):
    return bytes.fromhex(vector[name])


def read_by_the_document(sealed, dek):
    magic, version, algorithm, chunk_size, size, salt, _, metadata_length = struct.unpack(">4sBBIQ32s16sI", sealed[:70])
    assert (magic, version, algorithm) == (b"SGC1", 1, 1)
    header, body = sealed[: 70 + metadata_length], sealed[70 + metadata_length :]
    header_hash = hashlib.sha256(header).digest()
    extracted = hmac.digest(salt, dek, "sha256")
    file_key = hmac.digest(extracted, b"sealgrid/container/1" + header_hash + b"\x01", "sha256")
    pieces = [body[start : start + chunk_size + 16] for start in range(0, len(body), chunk_size + 16)]
    plaintext = b""
    for index, piece in enumerate(pieces):
        place = struct.pack(">QI", index, index == len(pieces) - 1)
        plaintext += AESGCM(file_key).decrypt(place, piece, header_hash + place)
    assert len(plaintext) == size
    return plaintext


@each_vector
def test_a_published_file_opens_here_and_by_the_document(vector):
    assert open_bytes(raw(vector, "sealed"), raw(vector, "dek")) == raw(vector, "plaintext")
    assert read_by_the_document(raw(vector, "sealed"), raw(vector, "dek")) == raw(vector, "plaintext")


@each_vector
def test_a_published_file_is_sealed_again_to_the_byte(vector):
    sealed = seal_bytes(
        raw(vector, "plaintext"),
        dek=raw(vector, "dek"),
        key_id=raw(vector, "key_id"),
        metadata=raw(vector, "metadata"),
        chunk_size=vector["chunk_size"],
        random=lambda size: raw(vector, "salt")[:size],
    )
    assert sealed == raw(vector, "sealed")


@each_vector
def test_a_published_header_says_what_was_sealed(vector):
    header = read_header(io.BytesIO(raw(vector, "sealed")))
    assert header.size == len(raw(vector, "plaintext"))
    assert (header.salt, header.key_id, header.metadata) == tuple(
        raw(vector, n) for n in ("salt", "key_id", "metadata")
    )
