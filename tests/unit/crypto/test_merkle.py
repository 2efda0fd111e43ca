"""The log's tree against a naive one that is written as RFC 9162 defines it, and against RFC 6962's known answers."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto import merkle
from sealgrid.crypto.merkle import (
    MerkleFrontier,
    consistency_path,
    inclusion_path,
    is_consistent,
    is_included,
    leaf_hash,
)

# The inputs and roots that certificate-transparency's own tests use for the tree of RFC 6962, 2.1.
KNOWN_LEAVES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
KNOWN_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_consistency(m, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_consistency(m - k, leaves[k:], whole=False), naive_root(leaves[:k])]


class Tree:
    """What a log stores: the nodes that each leaf completed."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves, self.frontier, self.rows = leaves, MerkleFrontier(), []
        for leaf in leaves:
            self.frontier, completed = self.frontier.append(leaf)
            self.rows.append(completed)

    def node(self, level: int, index: int) -> bytes:
        return self.rows[((index + 1) << level) - 1][level]


def tree(size: int) -> Tree:
    return Tree([leaf_hash(str(i).encode()) for i in range(size)])


sizes = st.integers(0, 70)
hashes = st.binary(min_size=32, max_size=32)


def test_the_known_answers_of_rfc_6962():
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    made = [Tree([leaf_hash(leaf) for leaf in KNOWN_LEAVES[: n + 1]]).frontier.root.hex() for n in range(8)]
    assert made == KNOWN_ROOTS


@given(size=sizes)
def test_a_frontier_has_the_root_of_the_naive_tree_and_is_rebuilt_from_nodes(size):
    grown = tree(size)
    assert grown.frontier.root == naive_root(grown.leaves)
    assert merkle.load_frontier(size, grown.node) == grown.frontier


@given(data=st.data(), size=st.integers(1, 70))
def test_inclusion_paths_are_the_naive_ones_and_hold(data, size):
    grown = tree(size)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, grown.node)
    assert list(path) == naive_path(index, grown.leaves)
    assert is_included(grown.leaves[index], index, size, path, grown.frontier.root)


@given(size=sizes)
def test_the_path_of_the_next_leaf_needs_no_stored_node(size):
    before, after = tree(size).frontier, tree(size + 1)
    assert before.next_inclusion_path() == inclusion_path(size, size + 1, after.node)


@given(data=st.data(), second=sizes)
def test_consistency_paths_are_the_naive_ones_and_hold(data, second):
    grown = tree(second)
    first = data.draw(st.integers(0, second))
    path = consistency_path(first, second, grown.node)
    if first:
        assert list(path) == naive_consistency(first, grown.leaves)
    assert is_consistent(first, tree(first).frontier.root, second, grown.frontier.root, path)


@given(data=st.data(), size=st.integers(2, 70))
def test_an_inclusion_proof_with_one_changed_thing_does_not_hold(data, size):
    grown = tree(size)
    index = data.draw(st.integers(0, size - 1))
    path, root = list(inclusion_path(index, size, grown.node)), grown.frontier.root
    other = data.draw(hashes)
    at = data.draw(st.integers(0, len(path) - 1))
    assert not is_included(other, index, size, path, root)
    assert not is_included(grown.leaves[index], index, size, path, other)
    assert not is_included(grown.leaves[index], index, size, [*path[:at], other, *path[at + 1 :]], root)
    assert not is_included(grown.leaves[index], index, size, path[:-1], root)
    assert not is_included(grown.leaves[index], index, size, [*path, other], root)
    assert not is_included(grown.leaves[index], (index + 1) % size, size, path, root)


@given(data=st.data(), second=st.integers(2, 70))
def test_a_consistency_proof_with_one_changed_thing_does_not_hold(data, second):
    grown = tree(second)
    first = data.draw(st.integers(1, second - 1))
    path, old, new = list(consistency_path(first, second, grown.node)), tree(first).frontier.root, grown.frontier.root
    other = data.draw(hashes)
    at = data.draw(st.integers(0, len(path) - 1))
    assert not is_consistent(first, other, second, new, path)
    assert not is_consistent(first, old, second, other, path)
    assert not is_consistent(first, old, second, new, [*path[:at], other, *path[at + 1 :]])
    assert not is_consistent(first, old, second, new, path[:-1])
    assert not is_consistent(first, old, second, new, [*path, other])


@given(data=st.data(), size=st.integers(1, 40), changed=st.integers(0, 39))
def test_a_log_that_changed_an_old_entry_finds_no_proof(data, size, changed):
    honest, changed = tree(size), changed % size
    first = data.draw(st.integers(changed + 1, size))
    leaves = [*honest.leaves[:changed], leaf_hash(b"rewritten"), *honest.leaves[changed + 1 :]]
    forged = Tree([*leaves, leaf_hash(b"more")])
    path = consistency_path(first, size + 1, forged.node)
    assert not is_consistent(first, tree(first).frontier.root, size + 1, forged.frontier.root, path)


@given(size=sizes, first=sizes, index=sizes, path=st.lists(st.binary(max_size=40), max_size=70), root=hashes)
def test_no_sizes_and_no_path_make_the_verifiers_fail_otherwise_than_by_no(size, first, index, path, root):
    only_leaf = (size, index, path) == (1, 0, [])  # a tree of one leaf has that leaf for its root, and an empty path
    assert is_included(root, index, size, path, bytes(32)) == (only_leaf and root == bytes(32))
    is_consistent(first, root, size, root, path)


def test_a_path_of_a_leaf_or_state_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion_path(3, 3, tree(3).node)
    with pytest.raises(ValueError, match="no earlier state of 4"):
        consistency_path(4, 3, tree(3).node)


def test_a_leaf_never_passes_as_a_node():
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert merkle.node_hash(left, right) != leaf_hash(left + right)
