"""Effects of a task's step: answers to its worker, and the chain call that a task needs at present."""

from typing import Literal

import msgspec

from sealgrid.units import Address, DealId, TaskId

ChainCallKind = Literal["initialize", "claim", "initialize and claim"]


class AssignTask(msgspec.Struct, frozen=True, kw_only=True):
    """Assign a task to a worker, under a fence."""

    task: TaskId
    worker: Address
    fence: int


class SignAuthorisation(msgspec.Struct, frozen=True, kw_only=True):
    """Sign PoCo's authorisation for an enclave."""

    task: TaskId
    worker: Address
    enclave: Address


class SignReassign(msgspec.Struct, frozen=True, kw_only=True):
    """Sign the reassignment of a task to another enclave."""

    task: TaskId
    attempt: int
    worker: Address
    enclave: Address


class ChainCall(msgspec.Struct, frozen=True, kw_only=True):
    """Initialise a task of a deal on chain, refund its requester there, or both."""

    kind: ChainCallKind
    task: TaskId
    deal: DealId
    index: int


Effect = AssignTask | SignAuthorisation | SignReassign
