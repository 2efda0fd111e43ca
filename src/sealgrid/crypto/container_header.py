"""The header of a sealed file, SGC1: what it holds, how many bytes it takes, and what of it binds the chunks.

Field widths stand in docs/protocol/container.md. Nothing in a header is secret.
"""

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
MAX_CHUNK = 64 * 1024 * 1024  #: a reader keeps two chunks in memory, so a header may not ask for more
TAG_BYTES = 16
KEY_ID_BYTES = 16
SALT_BYTES = 32

# magic, version, algorithm, chunk size, plaintext size, salt, key id, metadata length
_FIXED = struct.Struct(">4sBBIQ32s16sI")
FIXED_BYTES = _FIXED.size


@dataclass(frozen=True)
class Header:
    """A header as read: untrusted until one chunk has verified, since every chunk's tag covers its hash."""

    size: int  #: bytes of plaintext
    chunk_size: int  #: bytes of plaintext in every chunk but the last
    key_id: bytes  #: 16 bytes that say which key opens this; meaning is the caller's
    salt: bytes  #: 32 random bytes
    metadata: bytes  #: public bytes of the caller's, at most 64 KiB

    @cached_property
    def encoded(self) -> bytes:
        """The header's bytes in the file."""
        fixed = (MAGIC, VERSION, AES_256_GCM, self.chunk_size, self.size, self.salt, self.key_id, len(self.metadata))
        return _FIXED.pack(*fixed) + self.metadata

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of the header, bound into the file key and every chunk."""
        return sha256(self.encoded)

    @property
    def chunks(self) -> int:
        """How many chunks follow; an empty file has one, which is empty."""
        return max(1, -(-self.size // self.chunk_size))

    @property
    def sealed_size(self) -> int:
        """How many bytes the whole sealed file has."""
        return len(self.encoded) + self.size + self.chunks * TAG_BYTES

    def length(self, index: int) -> int:
        """Return how many bytes of plaintext chunk ``index`` holds."""
        return min(self.chunk_size, self.size - index * self.chunk_size)

    def offset(self, index: int) -> int:
        """Return where chunk ``index`` starts in the file."""
        return len(self.encoded) + index * (self.chunk_size + TAG_BYTES)

    def place(self, index: int) -> bytes:
        """Return chunk ``index``'s nonce: u64 index and u32 one for the last chunk, else zero."""
        return struct.pack(">QI", index, index == self.chunks - 1)


def read_header(source: BinaryIO) -> Header:
    """Read a header from where ``source`` stands; raise ContainerRefused for what is none.

    (1) It is whole, and of this magic, version and algorithm; (2) its chunk size and metadata keep the limits.
    The answer is untrusted: it may claim anything until a chunk has verified under it.
    """
    fixed = source.read(_FIXED.size)
    if len(fixed) != _FIXED.size or fixed[:6] != MAGIC + bytes([VERSION, AES_256_GCM]):  # (1)
        raise ContainerRefused(
            "1", "this is no sealed file of a kind that is known here (SGC1, version 1, AES-256-GCM)."
        )
    *_, chunk_size, size, salt, key_id, length = _FIXED.unpack(fixed)
    if length > MAX_METADATA or not MIN_CHUNK <= chunk_size <= MAX_CHUNK:  # (2)
        raise ContainerRefused("2", "the sealed file's header asks for a chunk or metadata beyond the limits.")
    metadata = source.read(length)
    if len(metadata) != length:  # (1)
        raise ContainerRefused("1", "the sealed file ends inside its header.")
    return Header(size=size, chunk_size=chunk_size, key_id=key_id, salt=salt, metadata=metadata)
