"""Effects of the pool's state machine: answers to one event, and chain calls derived from current state."""

import msgspec

from sealgrid.units import Address, DealId, TaskId


class AssignTask(msgspec.Struct, frozen=True, kw_only=True):
    """Assign a task to the requesting worker."""

    task: TaskId
    worker: Address


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


class InitializeTask(msgspec.Struct, frozen=True, kw_only=True):
    """Initialise a task of a deal on chain."""

    task: TaskId
    deal: DealId
    index: int


class ClaimRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Refund the requester on chain; the task must be initialised first."""

    task: TaskId
    deal: DealId
    index: int


Answer = AssignTask | SignAuthorisation | SignReassign
ChainCall = InitializeTask | ClaimRefund
