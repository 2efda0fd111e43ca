"""One task: its stage transitions as a table, and the functions that apply them. Pure."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from sealgrid.pool.effects import ForwardedCall
from sealgrid.pool.replication import Replication
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import ForwardReply, PublicStage, Stage, StageAt

MAX_ATTEMPTS: Final = 3  #: enclaves that one task may have (docs/protocol/pool.md)
MAX_REVERTS: Final = 3  #: transactions with a task's result that may revert at the pool's cost
MAX_DETAIL: Final = 200  #: characters of a worker's detail that are stored

Step = Literal[
    "assign", "agree", "consensus", "again", "propose", "lose", "exhaust", "refuse", "close", "finalize", "claim"
]

WORKING: Final[tuple[Stage, ...]] = (
    "assigned",
    "launched",
    "attested",
    "released",
    "running",
    "sealed",
    "settled",
    "finalizing",
)
WITH_RESULT: Final[tuple[Stage, ...]] = ("sealed", "settled", "finalizing")  #: the enclave has computed it
ON_CHAIN: Final[tuple[Stage, ...]] = ("contributing", "revealing")  #: of a task without an enclave, after agreement
OPEN: Final[tuple[Stage, ...]] = ("waiting", *WORKING, *ON_CHAIN)
ENDED: Final[tuple[Stage, ...]] = ("completed", "refunded")

#: (stage, step) → stage. A pair that is missing changes nothing.
TRANSITIONS: Final[dict[tuple[Stage, Step], Stage]] = {
    ("waiting", "assign"): "assigned",
    ("assigned", "assign"): "assigned",  # the reply was lost; the worker requests again
    **{(stage, "propose"): "launched" for stage in WORKING},
    **{(stage, "lose"): "waiting" for stage in WORKING},
    **{(stage, "agree"): "contributing" for stage in (*WORKING, "waiting", "revealing")},
    **{(stage, "consensus"): "revealing" for stage in OPEN},
    **{(stage, "again"): "waiting" for stage in (*WORKING, *ON_CHAIN)},
    **{(stage, "exhaust"): "failed" for stage in WORKING},
    ("waiting", "refuse"): "failed",
    **{(stage, "close"): "failed" for stage in OPEN},
    **{(stage, "finalize"): "completed" for stage in (*OPEN, "failed")},  # the chain decides at any stage
    **{(stage, "claim"): "refunded" for stage in (*OPEN, "failed")},
}


#: Public form of each stage: exact times of the work could reveal what the app read.
PUBLIC: Final[dict[str, PublicStage]] = {
    "waiting": "waiting",
    **dict.fromkeys((*WORKING, *ON_CHAIN), "working"),
    "completed": "completed",
    "failed": "failed",
    "refunded": "refunded",
}


class TaskCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A further assignment of a task, at the same time: its worker computes the task, too."""

    worker: Address
    fence: int
    stage: Stage = "assigned"
    last_report: float
    stage_since: float
    enclave: Address | None = None  #: that it has proposed


class PoolTask(msgspec.Struct, frozen=True, kw_only=True):
    """The pool's record of one task."""

    task: TaskId
    deal: DealId
    index: int
    stage: Stage
    history: tuple[StageAt, ...]
    initialized: bool = False  #: on chain
    queued: bool = False  #: whether it has left the backlog of its requester
    virtual_start: float = 0.0  #: seconds that its requester had before it, at one price (see ``task_queue``)
    refund_due: bool = False
    worker: Address | None = None
    fence: int = 0  #: number of the newest assignment; rises with each
    worker_fence: int = 0  #: of the assignment of ``worker``
    copies: tuple[TaskCopy, ...] = ()  #: assignments beside that of ``worker``; none while it has no worker
    wanted: int = 1  #: workers that shall have it at the same time
    tail: bool = False  #: whether an idle worker may compute it, too: it is one of the last of its deal
    enclave: Address | None = None
    attempt: int = 0  #: enclaves authorised so far
    enclave_proposed: bool = False  #: whether its present worker has proposed an enclave
    last_report: float = 0.0  #: time of the worker's last report
    stage_since: float = 0.0  #: time when it reached its stage, or when all leases were renewed after that
    losses: tuple[tuple[Address, float], ...] = ()  #: workers that lost it, and when
    #: Workers that had a result of it while another one had the task, too, and lost it: that one may have been paid.
    #: Their losses count once that one loses it.
    uncounted: tuple[Address, ...] = ()
    claimed_check: str = ""  #: number of the check of a reported refusal, until the vaults answered
    #: Workers whose reported refusal the vaults denied; they do not get the task again.
    excluded: tuple[Address, ...] = ()
    call_after: float = 0.0  #: the chain call that it needs is not tried before
    replication: Replication | None = None  #: of a task without an enclave
    nonce: int | None = None  #: of the transaction that carries its chain call
    forward: ForwardedCall | None = None  #: result of its worker that the pool sends
    forward_refusal: ForwardReply = ForwardReply()  #: why the last one failed, until the worker asks again
    reverts: int = 0  #: transactions with its result for which the pool paid and that reverted


def move(task: PoolTask, step: Step, at: float, detail: str = "", check: str = "") -> PoolTask:
    """Return the task after a step of the table; unchanged when the table has none for its stage."""
    to = TRANSITIONS.get((task.stage, step))
    return task if to is None else enter(task, to, at, detail, check)


def enter(task: PoolTask, stage: Stage, at: float, detail: str = "", check: str = "") -> PoolTask:
    """Return the task at a stage, with its history one entry longer when the stage is new."""
    if task.stage == stage:
        return task
    entry = StageAt(stage=stage, at=at, detail=detail[:MAX_DETAIL], check=check)
    forward, copies = (task.forward, task.copies) if stage in WORKING else (None, ())
    history = (*task.history, entry)
    return msgspec.structs.replace(task, stage=stage, stage_since=at, history=history, forward=forward, copies=copies)


def workers_of(task: PoolTask) -> tuple[Address, ...]:
    """Return the workers that have a task now."""
    if task.stage not in WORKING or task.worker is None:
        return ()
    return (task.worker, *(copy.worker for copy in task.copies))


def copy_of(task: PoolTask, worker: Address) -> TaskCopy | None:
    """Return a worker's assignment beside the first; None if it has none."""
    return next((copy for copy in task.copies if copy.worker == worker), None)


def replace_copy(task: PoolTask, copy: TaskCopy) -> PoolTask:
    """Return the task with another state of a worker's copy."""
    copies = tuple(copy if each.worker == copy.worker else each for each in task.copies)
    return msgspec.structs.replace(task, copies=copies)


def remove_copy(task: PoolTask, worker: Address) -> PoolTask:
    """Return the task without a worker's copy."""
    return msgspec.structs.replace(task, copies=tuple(each for each in task.copies if each.worker != worker))


def promote_copy(task: PoolTask, at: float) -> PoolTask:
    """Return the task with its oldest copy as its only first assignment; without a worker if it has no copy."""
    if not task.copies:
        return msgspec.structs.replace(task, worker=None)
    first, *others = task.copies
    promoted = msgspec.structs.replace(
        enter(task, first.stage, at),
        worker=first.worker,
        worker_fence=first.fence,
        copies=tuple(others),
        last_report=first.last_report,
        stage_since=first.stage_since,
        enclave_proposed=first.enclave is not None,
    )
    return promoted if first.enclave is None else msgspec.structs.replace(promoted, enclave=first.enclave)


def exchange_copy(task: PoolTask, worker: Address, at: float) -> PoolTask:
    """Return the task with a worker's copy as its first assignment, and the first as the copy."""
    copy = copy_of(task, worker)
    assert copy is not None
    assert task.worker is not None
    first = TaskCopy(
        worker=task.worker,
        fence=task.worker_fence,
        stage=task.stage,
        last_report=task.last_report,
        stage_since=task.stage_since,
        enclave=task.enclave if task.enclave_proposed else None,
    )
    others = tuple(each for each in task.copies if each.worker != worker)
    exchanged = promote_copy(msgspec.structs.replace(task, copies=(copy,)), at)
    return msgspec.structs.replace(exchanged, copies=(*others, first))


def lose(task: PoolTask, at: float, reason: str) -> PoolTask:
    """Return the task without its worker: its copy goes on, else it waits, or failed after its last enclave."""
    if task.stage not in WORKING or task.worker is None:
        return task
    losses = _losses(task, task.worker, at)
    if task.replication is not None:  # without enclaves, the runs that ended without a result count
        task = msgspec.structs.replace(task, attempt=task.attempt + 1)
    if task.copies:
        copies = task.copies
        waiting = move(task, "lose", at, reason)
        promoted = promote_copy(msgspec.structs.replace(waiting, copies=copies), at)
        return msgspec.structs.replace(promoted, losses=losses, tail=False)
    taken = move(task, "exhaust" if task.attempt >= MAX_ATTEMPTS else "lose", at, reason)
    return msgspec.structs.replace(taken, worker=None, losses=losses, uncounted=(), tail=False)


def lose_copy(task: PoolTask, worker: Address, at: float, reason: str) -> PoolTask:
    """Return the task without a worker's copy; its first assignment goes on."""
    entry = StageAt(stage=task.stage, at=at, detail=reason[:MAX_DETAIL])
    runs = task.attempt + (task.replication is not None)  # without enclaves, the runs that ended without a result count
    return msgspec.structs.replace(
        remove_copy(task, worker),
        losses=_losses(task, worker, at),
        history=(*task.history, entry),
        attempt=runs,
        tail=False,
    )


def suspend_loss(before: PoolTask, after: PoolTask, worker: Address, stage: Stage) -> PoolTask:
    """Return a task after a worker lost it at a stage, its loss not counted yet if another one may have been paid.

    Only one of two enclaves is paid. The other worker learns it from the chain, often before the pool does.
    """
    alone = before.replication is not None or not before.copies
    if alone or stage not in WITH_RESULT or worker in after.uncounted:
        return after
    return msgspec.structs.replace(after, uncounted=(*after.uncounted, worker))


def _losses(task: PoolTask, worker: Address, at: float) -> tuple[tuple[Address, float], ...]:
    return (*(entry for entry in task.losses if entry[0] != worker), (worker, at))


def decline(task: PoolTask, at: float, check: str, reason: str) -> PoolTask:
    """Return the task after a reported refusal by the vaults: it is not assigned again before they answered."""
    taken = lose(task, at, reason)
    return msgspec.structs.replace(taken, claimed_check=check) if taken.stage == "waiting" else taken


def resolve_refusal(task: PoolTask, at: float, check: str, detail: str, *, denied: bool) -> PoolTask:
    """Return the task after the vaults' answer: failed by ``check``, or waiting for another worker."""
    if not task.claimed_check:
        return task
    answered = msgspec.structs.replace(task, claimed_check="")
    if check:
        return move(answered, "refuse", at, detail, check)
    if not denied:
        return answered
    return msgspec.structs.replace(answered, excluded=(*answered.excluded, answered.losses[-1][0]))


def report(task: PoolTask, stage: Stage, at: float, detail: str) -> PoolTask:
    """Return the task after its worker's report; only a later stage moves it.

    A report of the present stage may bring a new detail, such as how much of a file was read.
    """
    alive = msgspec.structs.replace(task, last_report=at)
    if stage in WORKING and WORKING.index(stage) > WORKING.index(task.stage):
        return enter(alive, stage, at, detail)
    if stage == task.stage and detail and task.history:
        *before, last = task.history
        told = msgspec.structs.replace(last, detail=detail[:MAX_DETAIL])
        return msgspec.structs.replace(alive, history=(*before, told))
    return alive


class AttemptFailure(msgspec.Struct, frozen=True):
    """One end of a task without a result: a worker's last one, or the pool's own."""

    account: Address  #: of the worker, or of the pool's owner
    at: float  #: Unix seconds
    reason: str


def failures_of(task: PoolTask, pool_owner: Address) -> tuple[AttemptFailure, ...]:
    """Return the last failure of each worker, oldest first, and then why the pool ended the task, if it did."""
    reasons = {entry.at: entry.detail for entry in task.history if entry.detail}
    failures = [AttemptFailure(worker, at, reasons.get(at, "")) for worker, at in task.losses]
    last = task.history[-1]
    if last.stage in {"failed", "refunded"} and last.at not in {each.at for each in failures}:
        failures.append(AttemptFailure(pool_owner, last.at, last.detail))
    return tuple(failures)


def public_history(history: Iterable[StageAt]) -> tuple[StageAt, ...]:
    """Return the public form of a history: coarse stages, whole seconds, no details but those of a refusal.

    The vaults tell anyone why they refuse a deal (``POST /releases/preview``).
    """
    entries: list[StageAt] = []
    for entry in history:
        stage = PUBLIC[entry.stage]
        if not entries or entries[-1].stage != stage:
            refusal = entry.detail if entry.check else ""
            entries.append(StageAt(stage=stage, at=int(entry.at), detail=refusal, check=entry.check))
    return tuple(entries)
