"""Effects of a task's step: answers to its worker, and the chain call that a task needs at present."""

from typing import Literal

import msgspec

from sealgrid.units import ZERO_DIGEST, Address, DealId, Digest, TaskId

ChainCallKind = Literal["initialize", "claim", "initialize and claim", "finalize", "reopen", "forward"]


class AssignTask(msgspec.Struct, frozen=True, kw_only=True):
    """Assign a task to a worker, under a fence."""

    task: TaskId
    worker: Address
    fence: int


class SignAuthorisation(msgspec.Struct, frozen=True, kw_only=True):
    """Sign PoCo's authorisation for an enclave, or for a worker without one."""

    task: TaskId
    worker: Address
    enclave: Address


class SignReassign(msgspec.Struct, frozen=True, kw_only=True):
    """Sign the reassignment of a task to another enclave."""

    task: TaskId
    attempt: int
    worker: Address
    enclave: Address


class ForwardedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's result that waits for the pool to send it to the worker's account (contracts/WorkerAccount.vy)."""

    account: Address
    data: bytes  #: calldata for the account
    gas: int = 3_000_000  #: that the pool pays at most


class ChainCall(msgspec.Struct, frozen=True, kw_only=True):
    """What the pool does on chain for a task: initialise it, refund its requester, both, finalise or reopen it.

    Or send its result as the account of its worker.
    """

    kind: ChainCallKind
    task: TaskId
    deal: DealId
    index: int
    result: Digest = ZERO_DIGEST  #: with "finalize": SHA-256 of the result's archive
    forward: ForwardedCall | None = None  #: with "forward"


Effect = AssignTask | SignAuthorisation | SignReassign
