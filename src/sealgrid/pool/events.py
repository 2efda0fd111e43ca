"""Events of one task or one deal. ``at`` is the pool's own clock in Unix seconds; deadlines are the chain's."""

import msgspec

from sealgrid.pool.effects import ForwardedCall
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
    replicated: bool = False  #: whether its tag has no TEE: several workers compute each task
    trust: int = 1  #: PoCo's, of a deal without a TEE
    stake: int = 0  #: of each worker that contributes without an enclave, in nRLC
    params: str = ""  #: of a deal without a TEE: all of its input is public
    files: tuple[Digest, ...] = ()  #: the app's bundle and the sealed file, which a worker may have already


class TaskEvent(Event, frozen=True, kw_only=True):
    """Base of events of one task."""

    task: TaskId


class TaskInitialized(TaskEvent, frozen=True, kw_only=True):
    """The task is initialised on chain and can be assigned."""


class TaskQueued(TaskEvent, frozen=True, kw_only=True):
    """The task leaves the backlog of its requester: workers may take it, in the order of ``virtual_start``."""

    virtual_start: float


class TailReached(TaskEvent, frozen=True, kw_only=True):
    """Most tasks of the task's deal have ended: idle workers may compute it, too, if it runs for long."""


class TaskAssigned(TaskEvent, frozen=True, kw_only=True):
    """The task is given to a worker, under the next fence."""

    worker: Address
    trusted: bool = False  #: whether its result alone may be enough, so that no other computes at the same time


class WorkerEvent(TaskEvent, frozen=True, kw_only=True):
    """Base of what a worker sends about one assignment."""

    worker: Address
    fence: int  #: of the assignment; that of an earlier one changes nothing


class EnclaveProposed(WorkerEvent, frozen=True, kw_only=True):
    """The task's worker asks to have an enclave authorised."""

    enclave: Address


class CallForwarded(WorkerEvent, frozen=True, kw_only=True):
    """The task's worker asks the pool to send its result as its account."""

    forward: ForwardedCall


class CallForwardEnded(TaskEvent, frozen=True, kw_only=True):
    """The transaction with the worker's result has ended, or the chain would refuse it."""

    reason: str = ""  #: why the chain does not have the result
    final: bool = False  #: whether sending it again cannot help
    reverted: bool = False  #: whether the pool paid for a transaction that reverted


class ResultCommitted(WorkerEvent, frozen=True, kw_only=True):
    """The task's worker commits to a result, and is free for other tasks."""

    result_hash: Digest
    result_seal: Digest
    score: int  #: of the worker on the chain
    replicas: int = 0  #: workers that must agree if this is the first result; 0 for the pool's promise


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
    """A worker of the task sent no report for the length of its lease."""


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


class ResultContributed(TaskEvent, frozen=True, kw_only=True):
    """A worker contributed to the task on chain."""

    worker: Address
    result_hash: Digest


class ConsensusReached(TaskEvent, frozen=True, kw_only=True):
    """The chain found a consensus; its workers reveal until the deadline, by the chain's clock."""

    result_hash: Digest
    reveal_deadline: int


class ResultRevealed(TaskEvent, frozen=True, kw_only=True):
    """A worker of the consensus revealed the result's digest on chain."""

    worker: Address
    result: Digest


class TaskReopened(TaskEvent, frozen=True, kw_only=True):
    """The task was reopened on chain, since no worker of the consensus revealed."""


class TaskFinalized(TaskEvent, frozen=True, kw_only=True):
    """The task was finalized on chain and paid."""


class TaskRefunded(TaskEvent, frozen=True, kw_only=True):
    """The requester was refunded on chain."""


ReplicationEvent = ResultContributed | ConsensusReached | ResultRevealed | TaskReopened
AnyTaskEvent = (
    TaskInitialized
    | TaskQueued
    | TailReached
    | TaskAssigned
    | EnclaveProposed
    | ResultCommitted
    | CallForwarded
    | CallForwardEnded
    | StageReported
    | ReplicationEvent
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
