"""What can happen to a pool's tasks. Events are stored; the same events always replay to the same state.

``at`` is the pool's own clock in Unix seconds; deadlines and ``chain_now`` are the chain's.
"""

import msgspec

from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId
from sealgrid.wire.pool import Stage


class PoolTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds."""

    lease: float = 30.0  #: a worker that is silent for so long loses its task
    stage_leases: int = 10  #: and one that stays at one stage for so many leases too, unless its app is running
    retry: float = 5.0  #: a worker that lost a task may take it again after so long; others at once
    single_enclave: bool = False  #: whether a worker names one enclave each time it takes a task; older pools took more
    margin: int = 5  #: a task is handed out only if so much is left of its contribution deadline


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of every event."""

    at: float


class DealMatched(Event, frozen=True, kw_only=True):
    """A deal for this pool was matched; ``refusal`` says why this pool does not run it, and is empty when it does."""

    deal: DealId
    first: int
    size: int
    app: Address
    app_digest: Digest
    bundle: str
    contribution_deadline: int
    final_deadline: int
    refusal: str = ""
    requester: Address = ZERO_ADDRESS  #: who may read logs; nobody in what older pools wrote down


class JobRequested(Event, frozen=True, kw_only=True):
    """A worker has time for a task."""

    worker: Address
    chain_now: int


class TaskEvent(Event, frozen=True, kw_only=True):
    """Something happened to one task."""

    task: TaskId


class TaskInitialized(TaskEvent, frozen=True, kw_only=True):
    """The chain knows the task: it can be worked on."""


class EnclaveProposed(TaskEvent, frozen=True, kw_only=True):
    """The task's worker asks to have an enclave authorised."""

    worker: Address
    enclave: Address


class StageReported(TaskEvent, frozen=True, kw_only=True):
    """The task's worker says how far it is; that is also its sign of life."""

    worker: Address
    stage: Stage
    detail: str = ""
    check: str = ""  #: with "failed": number of the check by which the vaults refused, as the worker says


class VaultsAnswered(TaskEvent, frozen=True, kw_only=True):
    """The vaults were asked about a task that a worker reported refused."""

    check: str = ""  #: number by which n - t + 1 of them refuse it for good; empty when they do not
    detail: str = ""
    denied: bool = False  #: whether t of them say that they would release


class LeaseExpired(TaskEvent, frozen=True, kw_only=True):
    """The task's worker gave no sign of life for the length of its lease."""


class ContributionClosed(TaskEvent, frozen=True, kw_only=True):
    """The chain takes no result any more."""


class RefundDue(TaskEvent, frozen=True, kw_only=True):
    """The final deadline passed: the chain gives the requester's money back when asked."""


class TaskFinalized(TaskEvent, frozen=True, kw_only=True):
    """The chain took the result and paid."""


class TaskRefunded(TaskEvent, frozen=True, kw_only=True):
    """The chain gave the requester's money back."""


class PoolRestarted(Event, frozen=True, kw_only=True):
    """The pool starts again: nobody could give a sign of life while it was down.

    The rules are part of it, so that old events replay under the rules of their time.
    """

    rules: PoolTimeouts


AnyEvent = (
    DealMatched
    | JobRequested
    | TaskInitialized
    | EnclaveProposed
    | StageReported
    | VaultsAnswered
    | LeaseExpired
    | ContributionClosed
    | RefundDue
    | TaskFinalized
    | TaskRefunded
    | PoolRestarted
)
