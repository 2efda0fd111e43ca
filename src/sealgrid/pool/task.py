"""One task: its stages as a literal table, and the small steps between them."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import PublicStage, Stage, StageAt

MAX_ATTEMPTS: Final = 3  #: enclaves that one task may have (docs/protocol/pool.md)
MAX_DETAIL: Final = 200  #: characters of a worker's word that are kept

Step = Literal["assign", "name", "lose", "exhaust", "refuse", "close", "finalize", "claim"]

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
OPEN: Final[tuple[Stage, ...]] = ("waiting", *WORKING)
ENDED: Final[tuple[Stage, ...]] = ("completed", "refunded")

#: (stage, what happens) → stage. What is not here changes nothing.
TRANSITIONS: Final[dict[tuple[Stage, Step], Stage]] = {
    ("waiting", "assign"): "assigned",
    ("assigned", "assign"): "assigned",  # the answer was lost on its way, the worker asks again
    **{(stage, "name"): "launched" for stage in WORKING},
    **{(stage, "lose"): "waiting" for stage in WORKING},
    **{(stage, "exhaust"): "failed" for stage in WORKING},
    ("waiting", "refuse"): "failed",
    **{(stage, "close"): "failed" for stage in OPEN},
    **{(stage, "finalize"): "completed" for stage in (*OPEN, "failed")},  # the chain's word counts at any stage
    **{(stage, "claim"): "refunded" for stage in (*OPEN, "failed")},
}


#: What everybody may see of a stage: the exact moments of the work could tell what the app read.
PUBLIC: Final[dict[str, PublicStage]] = {
    "waiting": "waiting",
    **dict.fromkeys(WORKING, "working"),
    "completed": "completed",
    "failed": "failed",
    "refunded": "refunded",
}


class PoolTask(msgspec.Struct, frozen=True, kw_only=True):
    """What the pool knows of one task."""

    task: TaskId
    deal: DealId
    index: int
    stage: Stage
    history: tuple[StageAt, ...]
    ready: bool = False  #: the chain knows it
    refund_due: bool = False
    worker: Address | None = None
    enclave: Address | None = None
    attempt: int = 0  #: enclaves authorised so far
    named: bool = False  #: whether the worker that holds it has named one
    heard: float = 0.0  #: the worker's last sign of life
    moved: float = 0.0  #: when it reached its stage, or the pool started again since
    lost: tuple[tuple[Address, float], ...] = ()  #: who lost it, and when
    claimed: str = ""  #: number of the check that a worker says refused it, until the vaults were asked
    declined: tuple[Address, ...] = ()  #: workers that said so and were denied by the vaults; they get it never again


def move(task: PoolTask, step: Step, at: float, detail: str = "") -> PoolTask:
    """Return the task after a step of the table; unchanged when the table has none for its stage."""
    to = TRANSITIONS.get((task.stage, step))
    return task if to is None else enter(task, to, at, detail)


def enter(task: PoolTask, stage: Stage, at: float, detail: str = "") -> PoolTask:
    """Return the task at a stage, with its history one entry longer when the stage is new."""
    if task.stage == stage:
        return task
    entry = StageAt(stage=stage, at=at, detail=detail[:MAX_DETAIL])
    return msgspec.structs.replace(task, stage=stage, moved=at, history=(*task.history, entry))


def lose(task: PoolTask, at: float, why: str) -> PoolTask:
    """Return the task taken from its worker: for another one to take, or failed after its last enclave."""
    if task.stage not in WORKING or task.worker is None:
        return task
    taken = move(task, "exhaust" if task.attempt >= MAX_ATTEMPTS else "lose", at, why)
    others = tuple(entry for entry in task.lost if entry[0] != task.worker)
    return msgspec.structs.replace(taken, worker=None, lost=(*others, (task.worker, at)))


def decline(task: PoolTask, at: float, check: str, why: str) -> PoolTask:
    """Return the task taken from a worker that says the vaults refused it: nobody gets it before they were asked."""
    taken = lose(task, at, why)
    return msgspec.structs.replace(taken, claimed=check) if taken.stage == "waiting" else taken


def answer(task: PoolTask, at: float, check: str, detail: str, *, denied: bool) -> PoolTask:
    """Return the task after the vaults' word: ended by ``check``, or for another worker to take."""
    if not task.claimed:
        return task
    heard = msgspec.structs.replace(task, claimed="")
    if check:
        return move(heard, "refuse", at, detail)
    if not denied:
        return heard
    return msgspec.structs.replace(heard, declined=(*heard.declined, heard.lost[-1][0]))


def report(task: PoolTask, stage: Stage, at: float, detail: str) -> PoolTask:
    """Return the task after its worker's sign of life; only a later stage of the work moves it."""
    alive = msgspec.structs.replace(task, heard=at)
    if stage in WORKING and WORKING.index(stage) > WORKING.index(task.stage):
        return enter(alive, stage, at, detail)
    return alive


def public_history(history: Iterable[StageAt]) -> tuple[StageAt, ...]:
    """Return what everybody may know of a history: coarse stages, whole seconds, none of a worker's words."""
    entries: list[StageAt] = []
    for entry in history:
        stage = PUBLIC[entry.stage]
        if not entries or entries[-1].stage != stage:
            entries.append(StageAt(stage=stage, at=int(entry.at)))
    return tuple(entries)
