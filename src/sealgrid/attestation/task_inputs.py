"""Inputs of their own for the tasks of one request order. Pure.

The params name the root of a Merkle tree (RFC 9162, section 2.1) with one leaf for each task: the SHA-256 of the task's
sealed input. So params stay short however many tasks there are, and a task's index and a path prove which input is its.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from sealgrid.attestation.field_types import Count, HexDigest
from sealgrid.crypto import merkle
from sealgrid.errors import InputRefused
from sealgrid.units import Digest, to_bytes, to_digest


class TaskInputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sealed inputs of all tasks of a request order, as its params name them."""

    root: HexDigest  #: of the tree over the inputs, in the order of the tasks
    tasks: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]  #: leaves of the tree: the volume of the request order


class TaskInputProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Proves which task a sealed input belongs to."""

    inputs: TaskInputs
    index: Count  #: of the task, as PoCo counts the tasks of a request order
    path: tuple[HexDigest, ...]  #: inclusion path (RFC 9162, 2.1.3)

    def proves(self, file_sha256: Digest) -> bool:
        """Return whether the sealed input with this digest is the one of the task."""
        leaf = merkle.leaf_hash(to_bytes(file_sha256, 32))
        path = [to_bytes(each, 32) for each in self.path]
        return merkle.is_included(leaf, self.index, self.inputs.tasks, path, to_bytes(self.inputs.root, 32))


def pack_input_list(files: Sequence[Digest]) -> bytes:
    """Return the list of all tasks' inputs, for tasks without a TEE: 32 bytes for each, in the order of the tasks."""
    return b"".join(to_bytes(each, 32) for each in files)


def listed_input(content: bytes, inputs: TaskInputs, index: int) -> Digest:
    """Return the input of one task from such a list; raise InputRefused for a list with another root or length."""
    files = [to_digest(content[start : start + 32]) for start in range(0, len(content) // 32 * 32, 32)]
    if len(content) != 32 * inputs.tasks or TaskInputTree(files).inputs != inputs or index >= inputs.tasks:
        raise InputRefused("the list of the tasks' inputs is not the one that the params name.")
    return files[index]


class TaskInputTree:
    """The tree over the sealed inputs of all tasks, for the requester who names its root."""

    def __init__(self, files: Sequence[Digest]) -> None:
        self._nodes: dict[tuple[int, int], bytes] = {}
        frontier = merkle.MerkleFrontier()
        for index, sha256 in enumerate(files):
            frontier, completed = frontier.append(merkle.leaf_hash(to_bytes(sha256, 32)))
            for level, node in enumerate(completed):
                self._nodes[level, index >> level] = node
        self.inputs = TaskInputs(root=to_digest(frontier.root), tasks=frontier.size)

    def proof(self, index: int) -> TaskInputProof:
        """Return the proof of one task's input; raise ValueError for an index outside the tree."""
        path = merkle.inclusion_path(index, self.inputs.tasks, lambda level, place: self._nodes[level, place])
        return TaskInputProof(inputs=self.inputs, index=index, path=tuple(to_digest(each) for each in path))
