"""What is sealed comes back: whole, in parts, in bounded memory, and never with another key."""

import hashlib
import io
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.container import SealedReader, SealedStream, open_bytes, open_sealed, read_header, seal, seal_bytes
from sealgrid.crypto.container_header import MAX_CHUNK, MAX_METADATA, MIN_CHUNK
from sealgrid.errors import ContainerRefused, InputRefused
from sealgrid.units import to_digest

DEK = b"\x07" * 32
KEY_ID = b"model-key-000001"
plaintexts = st.binary(max_size=5 * MIN_CHUNK) | st.integers(0, 5).map(lambda chunks: b"c" * (chunks * MIN_CHUNK))


def sealed_from(plaintext, **changes):
    return seal_bytes(plaintext, **({"dek": DEK, "key_id": KEY_ID, "chunk_size": MIN_CHUNK} | changes))


@given(plaintexts, st.integers(MIN_CHUNK, 3 * MIN_CHUNK), st.binary(max_size=100))
def test_a_sealed_file_opens_to_what_was_sealed(plaintext, chunk_size, metadata):
    sealed = sealed_from(plaintext, chunk_size=chunk_size, metadata=metadata)
    header = read_header(io.BytesIO(sealed))
    assert open_bytes(sealed, DEK) == plaintext
    assert (header.size, header.chunk_size, header.key_id) == (len(plaintext), chunk_size, KEY_ID)
    assert header.metadata == metadata
    assert header.sealed_size == len(sealed)


def test_an_empty_file_is_one_empty_chunk_that_still_proves_its_key():
    sealed = sealed_from(b"")
    assert read_header(io.BytesIO(sealed)).chunks == 1
    assert open_bytes(sealed, DEK) == b""
    with pytest.raises(ContainerRefused):
        open_bytes(sealed, bytes(32))


def test_default_chunks_serve_files_that_are_larger_than_one():
    plaintext = bytes(range(256)) * 20_000
    assert open_bytes(seal_bytes(plaintext, dek=DEK, key_id=KEY_ID), DEK) == plaintext


def test_the_checksum_is_of_the_whole_sealed_file():
    target = io.BytesIO()
    digest = seal(io.BytesIO(b"x" * 200), target, dek=DEK, size=200, key_id=KEY_ID, chunk_size=MIN_CHUNK)
    assert digest == to_digest(hashlib.sha256(target.getvalue()).digest())


def test_sealing_twice_shares_no_chunk():
    first, second = sealed_from(b"x" * 200), sealed_from(b"x" * 200)
    assert first[-100:] != second[-100:]


@given(plaintexts, st.data())
def test_random_access_equals_a_slice(plaintext, data):
    reader = SealedReader(io.BytesIO(sealed_from(plaintext)), DEK)
    for _ in range(3):
        offset = data.draw(st.integers(0, len(plaintext) + 10))
        length = data.draw(st.integers(0, len(plaintext) + 10))
        assert reader.read(offset, length) == plaintext[offset : offset + length]


def test_random_access_outside_the_file_is_refused():
    reader = SealedReader(io.BytesIO(sealed_from(b"x")), DEK)
    for ask in (
        lambda: reader.read(-1, 1),
        lambda: reader.read(0, -1),
        lambda: reader.chunk(1),
        lambda: reader.chunk(-1),
    ):
        with pytest.raises(InputRefused):
            ask()


def test_random_access_reads_only_the_chunks_that_it_needs():
    sealed = bytearray(sealed_from(b"a" * 64 + b"b" * 64 + b"c" * 64))
    sealed[-1] ^= 1
    reader = SealedReader(io.BytesIO(sealed), DEK)
    assert reader.read(64, 64) == b"b" * 64
    with pytest.raises(ContainerRefused):
        reader.read(128, 1)
    assert reader.read(64, 64) == b"b" * 64, "what the failed chunk left behind must not be taken for the one before"
    assert reader.read(0, 3) == b"aaa"


def test_a_failed_chunk_is_refused_again_when_asked_again():
    sealed = bytearray(sealed_from(b"a" * 64))
    sealed[-1] ^= 1
    reader = SealedReader(io.BytesIO(sealed), DEK)
    for _ in range(2):
        with pytest.raises(ContainerRefused):
            reader.read(0, 1)


class Drops(io.RawIOBase):
    """A source that gives a few bytes at a time, as pipes and sockets do."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._content.readinto(memoryview(buffer)[:7])


def test_a_source_may_give_its_bytes_in_drops():
    target = io.BytesIO()
    seal(Drops(b"x" * 200), target, dek=DEK, size=200, key_id=KEY_ID, chunk_size=MIN_CHUNK)
    assert open_bytes(target.getvalue(), DEK) == b"x" * 200


@pytest.mark.parametrize("size", [0, 199, 201], ids=["promised-empty", "longer", "shorter"])
def test_a_source_of_another_size_than_promised_is_refused(size):
    with pytest.raises(InputRefused, match="source"):
        seal(io.BytesIO(b"x" * 200), io.BytesIO(), dek=DEK, size=size, key_id=KEY_ID, chunk_size=MIN_CHUNK)


@pytest.mark.parametrize(
    "changes",
    [
        {"dek": b"short"},
        {"key_id": b"short"},
        {"metadata": bytes(MAX_METADATA + 1)},
        {"chunk_size": MIN_CHUNK - 1},
        {"chunk_size": MAX_CHUNK + 1},
    ],
)
def test_parameters_beyond_their_limits_are_refused(changes):
    with pytest.raises(InputRefused):
        sealed_from(b"x", **changes)


def test_the_largest_metadata_is_kept():
    assert read_header(io.BytesIO(sealed_from(b"", metadata=bytes(MAX_METADATA)))).metadata == bytes(MAX_METADATA)


class Zeros(io.RawIOBase):
    """A source of zeros without memory."""

    def __init__(self, size):
        self._left = size

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(len(buffer), self._left)
        self._left -= count
        return count


def test_memory_is_bounded_by_chunks_and_not_by_the_file(tmp_path):
    size, chunk = 32 << 20, 1 << 20
    tracemalloc.start()
    try:
        with (tmp_path / "sealed").open("w+b") as sealed, (tmp_path / "plain").open("wb") as plain:
            seal(Zeros(size), sealed, dek=DEK, size=size, key_id=KEY_ID, chunk_size=chunk)
            open_sealed(sealed, plain, DEK)
        assert tracemalloc.get_traced_memory()[1] < 5 * chunk
    finally:
        tracemalloc.stop()
    assert (tmp_path / "plain").stat().st_size == size


def test_a_stream_holds_two_chunks():
    chunk = 1 << 20
    pieces = io.BytesIO(sealed_from(bytes(4 * chunk), chunk_size=chunk))
    tracemalloc.start()
    try:
        with Path(os.devnull).open("wb") as target:
            stream = SealedStream(target, DEK)
            while piece := pieces.read(chunk >> 4):
                stream.write(piece)
            stream.finish()
        assert tracemalloc.get_traced_memory()[1] < 2.5 * chunk
    finally:
        tracemalloc.stop()


def streamed(sealed: bytes, piece: int, dek: bytes = DEK) -> bytes:
    target = io.BytesIO()
    stream = SealedStream(target, dek)
    stream.write(*(sealed[start : start + piece] for start in range(0, len(sealed), piece)))
    stream.finish()
    return target.getvalue()


@given(plaintexts | st.just(bytes(MAX_METADATA + 999)), st.integers(1, 300), st.binary(max_size=100))
def test_a_stream_opens_what_a_file_does_however_it_is_cut(plaintext, piece, metadata):
    assert streamed(sealed_from(plaintext, metadata=metadata), piece) == plaintext


@pytest.mark.parametrize("size", [100, MAX_METADATA + 999])
def test_a_stream_refuses_another_length_another_key_and_another_byte(size):
    sealed = sealed_from(bytes(size))
    spoilt = sealed[:-1] + bytes([sealed[-1] ^ 1])
    cases = [(sealed[:-1], DEK, "3"), (sealed + b"x", DEK, "3"), (sealed, bytes(32), "4"), (spoilt, DEK, "4")]
    cases += [(sealed[:9], DEK, "1"), (b"", DEK, "1")]
    for content, dek, check in cases:
        with pytest.raises(ContainerRefused) as refused:
            streamed(content, 64, dek)
        assert refused.value.check == check
