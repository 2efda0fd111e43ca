"""Events of a pool. They are stored; the same events always replay to the same state.

``at`` is the pool's own clock in Unix seconds; deadlines and ``chain_now`` are the chain's.
"""

from typing import Final

import msgspec

from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId
from sealgrid.wire.pool import Stage


class PoolTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds, and what one worker may have."""

    lease: float = 30.0  #: a worker without a report for this long loses its task
    #: A worker that stays at one stage for this many leases loses its task, except while its app runs.
    stage_leases: int = 10
    retry: float = 5.0  #: a worker that lost a task may take it again after this long; others at once
    single_enclave: bool = False  #: whether a worker may propose one enclave per assignment; older pools permitted more
    margin: int = 5  #: a task is assigned only with this much left until its contribution deadline
    tasks_per_worker: int = 0  #: tasks that one worker may have at one time; 0 sets no limit, as in older pools


#: Class → stored tag, for the classes that were renamed: databases of older pools must replay.
_STORED_TAGS: Final = {
    "DealMatched": "DealSeen",
    "JobRequested": "WorkerAsked",
    "TaskInitialized": "ChainInitialised",
    "EnclaveProposed": "EnclaveNamed",
    "TaskFinalized": "ChainFinalized",
    "TaskRefunded": "ChainClaimed",
    "PoolRestarted": "Restarted",
}


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=lambda name: _STORED_TAGS.get(name, name)):
    """Base of every event."""

    at: float


class DealMatched(Event, frozen=True, kw_only=True):
    """A deal for this pool was matched; ``refusal`` is the reason why this pool does not run it, or empty."""

    deal: DealId
    first: int
    size: int
    app: Address
    app_digest: Digest
    bundle: str
    contribution_deadline: int
    final_deadline: int
    refusal: str = ""
    requester: Address = ZERO_ADDRESS  #: may read logs and stages; zero in events of older pools


class JobRequested(Event, frozen=True, kw_only=True):
    """A worker requests a task."""

    worker: Address
    chain_now: int


class TaskEvent(Event, frozen=True, kw_only=True):
    """Base of events of one task."""

    task: TaskId


class TaskInitialized(TaskEvent, frozen=True, kw_only=True):
    """The task is initialised on chain and can be assigned."""


class EnclaveProposed(TaskEvent, frozen=True, kw_only=True):
    """The task's worker asks to have an enclave authorised."""

    worker: Address
    enclave: Address


class StageReported(TaskEvent, frozen=True, kw_only=True):
    """The task's worker reports its stage, which also renews its lease."""

    worker: Address
    stage: Stage
    detail: str = ""
    check: str = ""  #: with "failed": number of the vaults' check that refused, as the worker reports


class VaultsAnswered(TaskEvent, frozen=True, kw_only=True):
    """The vaults answered about a reported refusal."""

    check: str = ""  #: check by which n - t + 1 of them refuse the deal for good, or empty
    detail: str = ""
    denied: bool = False  #: whether t of them would release


class LeaseExpired(TaskEvent, frozen=True, kw_only=True):
    """The task's worker sent no report for the length of its lease."""


class ContributionClosed(TaskEvent, frozen=True, kw_only=True):
    """The contribution deadline passed."""


class RefundDue(TaskEvent, frozen=True, kw_only=True):
    """The final deadline passed: a claim refunds the requester."""


class TaskFinalized(TaskEvent, frozen=True, kw_only=True):
    """The task was finalized on chain and paid."""


class TaskRefunded(TaskEvent, frozen=True, kw_only=True):
    """The requester was refunded on chain."""


class PoolRestarted(Event, frozen=True, kw_only=True):
    """The pool restarted; leases are renewed because no worker could report while it was down.

    It carries the rules, so that old events replay under the rules of their time.
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
