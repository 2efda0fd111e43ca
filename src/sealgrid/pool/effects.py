"""What a pool must do: answers follow from one event, chain calls from the state that stands."""

import msgspec

from sealgrid.units import Address, DealId, TaskId


class AssignTask(msgspec.Struct, frozen=True, kw_only=True):
    """Give a task to the worker that asked."""

    task: TaskId
    worker: Address


class SignAuthorisation(msgspec.Struct, frozen=True, kw_only=True):
    """Sign PoCo's authorisation for an enclave."""

    task: TaskId
    worker: Address
    enclave: Address


class SignReassign(msgspec.Struct, frozen=True, kw_only=True):
    """Sign that the task goes to another enclave than before."""

    task: TaskId
    attempt: int
    worker: Address
    enclave: Address


class InitializeTask(msgspec.Struct, frozen=True, kw_only=True):
    """Make the chain know a task of a deal."""

    task: TaskId
    deal: DealId
    index: int


class ClaimRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Have the requester's money given back; the chain must know the task first."""

    task: TaskId
    deal: DealId
    index: int


Answer = AssignTask | SignAuthorisation | SignReassign
ChainCall = InitializeTask | ClaimRefund
