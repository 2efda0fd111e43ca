"""Header of a sealed file (SGC1, docs/protocol/container.md): layout, sizes, chunk nonces. Not secret."""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from sealgrid.crypto.digests import sha256
from sealgrid.errors import ContainerRefused

MAGIC = b"SGC1"
VERSION = 1
AES_256_GCM = 1
MAX_METADATA = 64 * 1024
MIN_CHUNK = 64
MAX_CHUNK = 64 * 1024 * 1024  #: bounds the memory of a reader, which holds two chunks
TAG_BYTES = 16
KEY_ID_BYTES = 16
SALT_BYTES = 32

# magic, version, algorithm, chunk size, plaintext size, salt, key id, metadata length
_FIXED = struct.Struct(">4sBBIQ32s16sI")
FIXED_BYTES = _FIXED.size


@dataclass(frozen=True)
class Header:
    """A header. Untrusted until one chunk verifies: each tag covers the header's hash."""

    size: int  #: bytes of plaintext
    chunk_size: int  #: bytes of plaintext in every chunk but the last
    key_id: bytes  #: 16 bytes that identify the key; defined by the caller
    salt: bytes  #: 32 random bytes
    metadata: bytes  #: public bytes, defined by the caller, at most 64 KiB

    @cached_property
    def encoded(self) -> bytes:
        """The encoded header."""
        fixed = (MAGIC, VERSION, AES_256_GCM, self.chunk_size, self.size, self.salt, self.key_id, len(self.metadata))
        return _FIXED.pack(*fixed) + self.metadata

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of the header, bound into the file key and every chunk."""
        return sha256(self.encoded)

    @property
    def chunks(self) -> int:
        """Number of chunks; an empty file has one empty chunk."""
        return max(1, -(-self.size // self.chunk_size))

    @property
    def sealed_size(self) -> int:
        """Size of the whole sealed file in bytes."""
        return len(self.encoded) + self.size + self.chunks * TAG_BYTES

    def length(self, index: int) -> int:
        """Return the plaintext size of chunk ``index`` in bytes."""
        return min(self.chunk_size, self.size - index * self.chunk_size)

    def offset(self, index: int) -> int:
        """Return the file offset of chunk ``index``."""
        return len(self.encoded) + index * (self.chunk_size + TAG_BYTES)

    def nonce(self, index: int) -> bytes:
        """Return the nonce of chunk ``index``: u64 index ‖ u32, 1 for the last chunk, else 0."""
        return struct.pack(">QI", index, index == self.chunks - 1)


def read_header(source: BinaryIO) -> Header:
    """Read a header at the current position of ``source``; raise ContainerRefused if it is invalid.

    (1) It is complete, with this magic, version and algorithm. (2) Chunk size and metadata are within the limits.
    The result is untrusted until a chunk verifies.
    """
    fixed = source.read(_FIXED.size)
    if len(fixed) != _FIXED.size or fixed[:6] != MAGIC + bytes([VERSION, AES_256_GCM]):  # (1)
        raise ContainerRefused("1", "this is not a valid sealed file (SGC1, version 1, AES-256-GCM).")
    *_, chunk_size, size, salt, key_id, length = _FIXED.unpack(fixed)
    if length > MAX_METADATA or not MIN_CHUNK <= chunk_size <= MAX_CHUNK:  # (2)
        raise ContainerRefused("2", "the sealed file's header exceeds the limits of chunk size or metadata.")
    metadata = source.read(length)
    if len(metadata) != length:  # (1)
        raise ContainerRefused("1", "the sealed file ends inside its header.")
    return Header(size=size, chunk_size=chunk_size, key_id=key_id, salt=salt, metadata=metadata)
