"""Merkle tree of an append-only log (RFC 9162, section 2.1).

Node (level, index) is the root over the 2^level leaves from index · 2^level. Only complete nodes are stored, and they
never change; all other hashes are computed from them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sealgrid.crypto.digests import sha256

HASH_BYTES = 32
MAX_PATH = 64  #: hashes in any proof over fewer than 2^63 leaves
EMPTY_ROOT = sha256()

NodeAt = Callable[[int, int], bytes]  #: (level, index) -> the hash of a complete node


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry."""
    return sha256(b"\x00", entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees."""
    return sha256(b"\x01", left, right)


@dataclass(frozen=True, slots=True)
class MerkleFrontier:
    """State for appending: number of leaves and roots of the complete subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> tuple["MerkleFrontier", tuple[bytes, ...]]:
        """Return the tree with one more leaf hash, and the nodes that it completes, from level 0 upwards."""
        peaks, completed = list(self.peaks), [leaf]
        for _ in range(_trailing_ones(self.size)):
            completed.append(node_hash(peaks.pop(), completed[-1]))
        return MerkleFrontier(self.size + 1, (*peaks, completed[-1])), tuple(completed)

    @property
    def root(self) -> bytes:
        """Return the root of the tree."""
        return _fold(self.peaks)

    def next_inclusion_path(self) -> tuple[bytes, ...]:
        """Return the inclusion path of the next leaf in the tree that ends with it."""
        return self.peaks[::-1]


def load_frontier(size: int, node: NodeAt) -> MerkleFrontier:
    """Rebuild a frontier from stored nodes."""
    return MerkleFrontier(size, tuple(node(level, index) for level, index in _cover(0, size)))


def inclusion_path(index: int, size: int, node: NodeAt) -> tuple[bytes, ...]:
    """Return PATH(index, D[size]) (RFC 9162, 2.1.3.1); raise ValueError unless the tree has that leaf."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_root(middle, end, node))
            end = middle
        else:
            path.append(_root(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_path(first: int, second: int, node: NodeAt) -> tuple[bytes, ...]:
    """Return PROOF(first, D[second]) (RFC 9162, 2.1.4.1); empty if the first tree is empty or equal."""
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} leaves has no earlier state of {first}")
    if first in (0, second):
        return ()
    start, end, whole, path = 0, second, True, []
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_root(middle, end, node))
            end = middle
        else:
            path.append(_root(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(_root(start, end, node))
    return tuple(reversed(path))


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether a path proves that a leaf is at ``index`` of a tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not are_hashes(path):
        return False
    position, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            skipped = _trailing_zeros(position) if not position & 1 else 0
            position, last = position >> skipped, last >> skipped
        else:
            computed = node_hash(computed, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and computed == root


def is_consistent(first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Return whether a path proves that one tree is a prefix of another (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second or not are_hashes(path):
        return False
    if first in (0, second):
        known = EMPTY_ROOT if first == 0 else second_root
        return not path and first_root == known
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    return bool(hashes) and _both_roots(first, second, hashes) == (first_root, second_root)


def _both_roots(first: int, second: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    skipped = _trailing_ones(first - 1)
    position, last = (first - 1) >> skipped, (second - 1) >> skipped
    older = newer = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            skipped = _trailing_zeros(position) if not position & 1 else 0
            position, last = position >> skipped, last >> skipped
        else:
            newer = node_hash(newer, sibling)
        position, last = position >> 1, last >> 1
    return (older, newer) if last == 0 else None


def _root(start: int, end: int, node: NodeAt) -> bytes:
    return _fold([node(level, index) for level, index in _cover(start, end)])


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    computed = peaks[-1]
    for peak in reversed(peaks[:-1]):
        computed = node_hash(peak, computed)
    return computed


def _cover(start: int, end: int) -> list[tuple[int, int]]:
    """Return the complete nodes that cover [start, end), largest first; ``start`` is aligned to the first node."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def _trailing_ones(number: int) -> int:
    return _trailing_zeros(~number)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1 if number else 0


def are_hashes(path: Sequence[bytes]) -> bool:
    """Return whether a path has at most MAX_PATH parts, each of the size of a hash."""
    return len(path) <= MAX_PATH and all(len(each) == HASH_BYTES for each in path)
