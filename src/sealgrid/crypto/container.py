"""Sealed files: SGC1, a chunked AEAD container (docs/protocol/container.md).

Memory is bounded by two chunks. Plaintext is released only after its chunk is authenticated.
"""

import hashlib
import io
import os
from collections.abc import Callable
from typing import BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealgrid.crypto.container_header import (
    FIXED_BYTES,
    KEY_ID_BYTES,
    MAX_CHUNK,
    MAX_METADATA,
    MIN_CHUNK,
    SALT_BYTES,
    TAG_BYTES,
    Header,
    read_header,
)
from sealgrid.errors import ContainerRefused, InputRefused
from sealgrid.units import Digest, to_digest

__all__ = [
    "CHUNK_BYTES",
    "Header",
    "SealedReader",
    "SealedStream",
    "open_bytes",
    "open_sealed",
    "read_header",
    "seal",
    "seal_bytes",
]

CHUNK_BYTES = 4 * 1024 * 1024
DEK_BYTES = 32

_INFO = b"sealgrid/container/1"


def seal(
    source: BinaryIO,
    target: BinaryIO,
    *,
    dek: bytes,
    size: int,
    key_id: bytes,
    metadata: bytes = b"",
    chunk_size: int = CHUNK_BYTES,
    random: Callable[[int], bytes] = os.urandom,
) -> Digest:
    """Seal exactly ``size`` bytes of ``source`` into ``target``; return the sealed file's SHA-256.

    Raise InputRefused if the source has fewer or more bytes or a parameter is out of range; discard ``target`` then.
    """
    header = _header(size, chunk_size, key_id, metadata, random)
    cipher, digest = _Cipher(dek, header), hashlib.sha256(header.encoded)
    target.write(header.encoded)
    plain = memoryview(bytearray(min(size, chunk_size)))
    for index in range(header.chunks):
        chunk = plain[: header.length(index)]
        if _read_into(source, chunk) != len(chunk):
            raise InputRefused(f"the source ended before its {size} bytes.")
        sealed = cipher.encrypt(index, chunk)
        digest.update(sealed)
        target.write(sealed)
    if source.read(1):
        raise InputRefused(f"the source has more than {size} bytes.")
    return to_digest(digest.digest())


def open_sealed(source: BinaryIO, target: BinaryIO, dek: bytes) -> Header:
    """Decrypt a seekable sealed file into ``target``; return the header, which is then authenticated.

    (1) (2) The header is valid (``read_header``). (3) The file has exactly the length that follows from the header.
    (4) Each chunk verifies under the file key, at its index, and the last one as the last. Raises ContainerRefused
    with the number. The bytes written before are genuine but incomplete: discard ``target``.
    """
    reader = SealedReader(source, dek)
    for index in range(reader.header.chunks):  # noqa: FURB122 - writelines may collect; the chunk's buffer is reused
        target.write(reader.chunk(index))
    return reader.header


class SealedStream:
    """Decrypts a sealed file that arrives in pieces into ``target``, without a copy of the sealed file.

    The checks are those of ``open_sealed``; that of the length (3) comes last. What was written is genuine, but
    incomplete until ``finish`` returns: discard ``target`` if a call raises ContainerRefused.
    """

    def __init__(self, target: BinaryIO, dek: bytes) -> None:
        self._target, self._dek = target, dek
        self._pending = bytearray()
        self._cipher: _Cipher | None = None
        self._index = 0

    def write(self, *pieces: bytes) -> None:
        """Take the next pieces; write each chunk that they complete."""
        for piece in pieces:
            self._pending += piece
            if self._cipher is None and len(self._pending) >= FIXED_BYTES + MAX_METADATA:
                self._cipher = self._begin()
            if self._cipher is not None:
                self._write_chunks(self._cipher)

    def finish(self) -> Header:
        """Write the rest; return the header, which is then authenticated."""
        cipher = self._cipher or self._begin()
        self._write_chunks(cipher)
        if self._index < cipher.header.chunks:  # (3)
            raise _other_length()
        return cipher.header

    def _begin(self) -> "_Cipher":
        header = read_header(io.BytesIO(self._pending))  # (1) (2)
        del self._pending[: len(header.encoded)]
        return _Cipher(self._dek, header)

    def _write_chunks(self, cipher: "_Cipher") -> None:
        while self._index < cipher.header.chunks:
            length = cipher.header.length(self._index)
            if len(self._pending) < length + TAG_BYTES:
                return
            with memoryview(self._pending) as pending, pending[: length + TAG_BYTES] as sealed:
                cipher.decrypt(self._index, sealed)  # (4)
            del self._pending[: length + TAG_BYTES]
            self._target.write(cipher.plain[:length])
            self._index += 1
        if self._pending:  # (3)
            raise _other_length()


class SealedReader:
    """Random access to the plaintext of a seekable sealed file; caches the last chunk."""

    def __init__(self, source: BinaryIO, dek: bytes) -> None:
        source.seek(0)
        self._source = source
        self.header = read_header(source)  # (1) (2)
        if source.seek(0, os.SEEK_END) != self.header.sealed_size:  # (3)
            raise _other_length()
        self._cipher = _Cipher(dek, self.header)
        self._sealed = memoryview(bytearray(min(self.header.size, self.header.chunk_size) + TAG_BYTES))
        self._cached_index: int | None = None

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``, fewer at the end; raise as ``open_sealed`` does."""
        if offset < 0 or length < 0:
            raise InputRefused("offset and length must not be negative.")
        end = min(offset + length, self.header.size)
        size, parts = self.header.chunk_size, []
        for index in range(offset // size, -(-end // size)):
            start = index * size
            parts.append(bytes(self.chunk(index)[max(0, offset - start) : end - start]))
        return b"".join(parts)

    def chunk(self, index: int) -> memoryview:
        """Return the plaintext of one chunk, valid until the next call; raise ContainerRefused (4)."""
        if not 0 <= index < self.header.chunks:
            raise InputRefused(f"this file has {self.header.chunks} chunks; there is no chunk {index}.")
        if index != self._cached_index:
            self._cached_index = None  # a failed decryption leaves the buffer undefined
            sealed = self._sealed[: self.header.length(index) + TAG_BYTES]
            self._source.seek(self.header.offset(index))
            _read_into(self._source, sealed)
            self._cipher.decrypt(index, sealed)  # (4)
            self._cached_index = index
        return self._cipher.plain[: self.header.length(index)]


def seal_bytes(
    plaintext: bytes,
    *,
    dek: bytes,
    key_id: bytes,
    metadata: bytes = b"",
    chunk_size: int = CHUNK_BYTES,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Return plaintext as a sealed file: ``seal`` in memory."""
    target = io.BytesIO()
    seal(
        io.BytesIO(plaintext),
        target,
        dek=dek,
        size=len(plaintext),
        key_id=key_id,
        metadata=metadata,
        chunk_size=chunk_size,
        random=random,
    )
    return target.getvalue()


def open_bytes(sealed: bytes, dek: bytes) -> bytes:
    """Return the complete plaintext of a sealed file: ``open_sealed`` in memory."""
    target = io.BytesIO()
    open_sealed(io.BytesIO(sealed), target, dek)
    return target.getvalue()


def _other_length() -> ContainerRefused:
    return ContainerRefused("3", "the sealed file is truncated or has extra bytes at its end.")


class _Cipher:
    """AES-256-GCM of the chunks of one file, into one buffer that each call overwrites."""

    def __init__(self, dek: bytes, header: Header) -> None:
        if len(dek) != DEK_BYTES:
            raise InputRefused(f"a data key has {DEK_BYTES} bytes, not {len(dek)}.")
        file_key = HKDF(SHA256(), 32, salt=header.salt, info=_INFO + header.hash).derive(dek)
        self._aead, self.header = AESGCM(file_key), header
        self.plain = memoryview(bytearray(min(header.size, header.chunk_size) + TAG_BYTES))

    def encrypt(self, index: int, plain: memoryview) -> memoryview:
        nonce, sealed = self.header.nonce(index), self.plain[: len(plain) + TAG_BYTES]
        self._aead.encrypt_into(nonce, plain, self.header.hash + nonce, sealed)
        return sealed

    def decrypt(self, index: int, sealed: memoryview) -> None:
        nonce, plain = self.header.nonce(index), self.plain[: len(sealed) - TAG_BYTES]
        try:
            self._aead.decrypt_into(nonce, sealed, self.header.hash + nonce, plain)
        except InvalidTag as error:
            raise ContainerRefused("4", f"chunk {index} was altered or moved, or the key is wrong.") from error


def _header(size: int, chunk_size: int, key_id: bytes, metadata: bytes, random: Callable[[int], bytes]) -> Header:
    if not 0 <= size < 1 << 64 or not MIN_CHUNK <= chunk_size <= MAX_CHUNK:
        raise InputRefused(f"a chunk has {MIN_CHUNK} to {MAX_CHUNK} bytes, and a size is not negative.")
    if len(key_id) != KEY_ID_BYTES or len(metadata) > MAX_METADATA:
        raise InputRefused(f"a key id has {KEY_ID_BYTES} bytes, metadata at most {MAX_METADATA}.")
    return Header(size=size, chunk_size=chunk_size, key_id=key_id, salt=random(SALT_BYTES), metadata=metadata)


def _read_into(source: BinaryIO, buffer: memoryview) -> int:
    # typing.BinaryIO lacks readinto, which every binary file of the standard library has.
    done = 0
    while done < len(buffer) and (count := cast("io.BufferedIOBase", source).readinto(buffer[done:])):
        done += count
    return done
