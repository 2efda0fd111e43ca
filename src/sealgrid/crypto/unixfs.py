"""CIDv0 that IPFS nodes compute by default: balanced UnixFS tree (docs/protocol/storage.md).

Blocks are dag-pb (https://ipld.io/specs/codecs/dag-pb) around UnixFS messages (https://specs.ipfs.tech/unixfs).
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.units import to_digest

BLOCK_BYTES: Final = 262_144  #: of the file in one leaf
MAX_LINKS: Final = 174  #: of one inner node
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"  # base58btc
_SHA256: Final = b"\x12\x20"  # multihash: sha2-256, 32 bytes
_FILE: Final = b"\x08\x02"  # UnixFS Data.Type


@dataclass(frozen=True, slots=True)
class _Node:
    multihash: bytes
    content: int  #: bytes of the file beneath it
    total: int  #: bytes of its blocks


class FileAddress:
    """Computes the CIDv0 of a file incrementally; holds one block and one open row of links for each level."""

    def __init__(self) -> None:
        self._block = bytearray()
        self._levels: list[list[_Node]] = []

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self._block += piece
        # A full block is added only when more bytes follow: a file of one block has no inner node.
        while len(self._block) > BLOCK_BYTES:
            self._add(0, _leaf(bytes(self._block[:BLOCK_BYTES])))
            del self._block[:BLOCK_BYTES]

    def cid(self) -> str:
        """Return the CIDv0 (``Qm…``) of the written bytes; ``write`` must not be called afterwards."""
        if self._block or not self._levels:
            self._add(0, _leaf(bytes(self._block)))
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            if row := self._levels[level]:
                self._add(level + 1, _inner(row))
            level += 1
        return base58(self._levels[level][0].multihash)

    def _add(self, level: int, node: _Node) -> None:
        if level == len(self._levels):
            self._levels.append([])
        row = self._levels[level]
        if len(row) == MAX_LINKS:
            self._add(level + 1, _inner(row))
            row.clear()
        row.append(node)


def content_addresses(content: bytes) -> frozenset[str]:
    """Return the addresses by which a small file is named: CIDv0 of its tree, and CIDv1 of the raw bytes."""
    file = FileAddress()
    file.write(content)
    return frozenset({file.cid(), cid_of(to_digest(sha256(content)))})


def base58(raw: bytes) -> str:
    """Return base58btc text."""
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return _ALPHABET[0] * (len(raw) - len(raw.lstrip(b"\0"))) + text


def _leaf(content: bytes) -> _Node:
    data = _bytes(2, content) if content else b""
    return _node(b"", _FILE + data + _number(3, len(content)), content=len(content), below=0)


def _inner(row: list[_Node]) -> _Node:
    links = b"".join(_bytes(2, _bytes(1, node.multihash) + _bytes(2, b"") + _number(3, node.total)) for node in row)
    content, sizes = sum(node.content for node in row), b"".join(_number(4, node.content) for node in row)
    return _node(links, _FILE + _number(3, content) + sizes, content=content, below=sum(node.total for node in row))


def _node(links: bytes, data: bytes, *, content: int, below: int) -> _Node:
    block = links + _bytes(1, data)
    return _Node(_SHA256 + hashlib.sha256(block).digest(), content, len(block) + below)


def _bytes(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes(encoded) + bytes([value])
