"""Events of one task or one deal. ``at`` is the pool's own clock in Unix seconds; deadlines are the chain's."""

import msgspec

from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, Address, DealId, Digest, TaskId
from sealgrid.wire.pool import Stage


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
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
    requester: Address = ZERO_ADDRESS  #: may read logs and stages
    tag: Digest = ZERO_DIGEST
    price: int = 0  #: of the pool for one task, in nRLC
    seconds: int = 1  #: of its category: the longest time that a task runs
    memory: int = 0  #: bytes that the app may use; 0 if unknown
    files: tuple[Digest, ...] = ()  #: the app's bundle and the sealed file, which a worker may have already


class TaskEvent(Event, frozen=True, kw_only=True):
    """Base of events of one task."""

    task: TaskId


class TaskInitialized(TaskEvent, frozen=True, kw_only=True):
    """The task is initialised on chain and can be assigned."""


class TaskQueued(TaskEvent, frozen=True, kw_only=True):
    """The task leaves the backlog of its requester: workers may take it, in the order of ``virtual_start``."""

    virtual_start: float


class TaskAssigned(TaskEvent, frozen=True, kw_only=True):
    """The task is given to a worker, under the next fence."""

    worker: Address


class WorkerEvent(TaskEvent, frozen=True, kw_only=True):
    """Base of what a worker sends about one assignment."""

    worker: Address
    fence: int  #: of the assignment; that of an earlier one changes nothing


class EnclaveProposed(WorkerEvent, frozen=True, kw_only=True):
    """The task's worker asks to have an enclave authorised."""

    enclave: Address


class StageReported(WorkerEvent, frozen=True, kw_only=True):
    """The task's worker reports its stage, which also renews its lease."""

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


class ChainTimePassed(TaskEvent, frozen=True, kw_only=True):
    """The chain's clock shows ``chain_now``, which may be past a deadline of the task."""

    chain_now: int


class ChainCallSubmitted(TaskEvent, frozen=True, kw_only=True):
    """A transaction with the task's chain call is stored, and will be sent under this nonce."""

    nonce: int


class ChainCallEnded(TaskEvent, frozen=True, kw_only=True):
    """The transaction with this nonce has ended, with or without its effect."""

    nonce: int


class ChainCallPostponed(TaskEvent, frozen=True, kw_only=True):
    """The task's chain call failed; it is tried again at ``until``."""

    until: float


class TaskFinalized(TaskEvent, frozen=True, kw_only=True):
    """The task was finalized on chain and paid."""


class TaskRefunded(TaskEvent, frozen=True, kw_only=True):
    """The requester was refunded on chain."""


AnyTaskEvent = (
    TaskInitialized
    | TaskQueued
    | TaskAssigned
    | EnclaveProposed
    | StageReported
    | VaultsAnswered
    | LeaseExpired
    | ChainTimePassed
    | ChainCallSubmitted
    | ChainCallEnded
    | ChainCallPostponed
    | TaskFinalized
    | TaskRefunded
)
AnyEvent = DealMatched | AnyTaskEvent
