"""The chain of a simulated pool: tasks and their money, and the events that a pool reads when they are confirmed."""

from dataclasses import dataclass
from typing import Final, Literal

from sealgrid.crypto.digests import sha256
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.effects import ChainCall
from sealgrid.units import Address, DealId, Digest, TaskId, to_digest
from tests.unit.pool.store_scene import deal, enclave

PRICE, STAKE = 10, 3
DEAL_SIZE: Final = 20
GIB: Final = 1 << 30
REQUESTERS: Final = (enclave(0x41), enclave(0x42))
APPS: Final = (enclave(0x51), enclave(0x52), enclave(0x53))

ChainStatus = Literal["unset", "active", "completed", "failed"]


@dataclass
class ChainTask:
    """A task on the chain."""

    deal: e.DealMatched
    index: int
    status: ChainStatus = "unset"


class SimulatedChain:
    """Deals of ``tasks`` tasks altogether. ``now`` is the chain's time in seconds."""

    def __init__(self, tasks: int, contribution_seconds: int) -> None:
        self.tasks: dict[TaskId, ChainTask] = {}
        self.paid = {"requester": 0, "pool": 0, "kitty": 0}
        self.locked = tasks * (PRICE + STAKE)
        self.blocks = 0
        self.unread: list[tuple[int, e.AnyEvent]] = []  # block → event
        left, number = tasks, 0
        while left:
            number += 1
            size = min(left, DEAL_SIZE)
            left -= size
            matched = replace_deal(number, size, contribution_seconds)
            for index in range(matched.first, matched.first + size):
                self.tasks[task_id(matched.deal, index)] = ChainTask(matched, index)
            self._emit(matched)

    def contribute(self, task: TaskId, now: float) -> None:
        """Complete a task, if it is active and in time."""
        onchain = self.tasks[task]
        if onchain.status == "active" and now < onchain.deal.contribution_deadline:
            onchain.status = "completed"
            self._pay(pool=PRICE + STAKE)
            self._emit(e.TaskFinalized(at=now, task=task))

    def can(self, call: ChainCall, now: float) -> bool:
        """Return whether a call would not revert."""
        task = self.tasks[call.task]
        if call.kind == "initialize":
            return task.status == "unset"
        wanted = "active" if call.kind == "claim" else "unset"
        return task.status == wanted and now >= task.deal.final_deadline

    def perform(self, call: ChainCall, now: float) -> None:
        """Perform a possible call, by anybody."""
        task = self.tasks[call.task]
        if call.kind == "initialize":
            task.status = "active"
            self._emit(e.TaskInitialized(at=now, task=call.task))
            return
        task.status = "failed"
        self._pay(requester=PRICE, kitty=STAKE)
        self._emit(e.TaskRefunded(at=now, task=call.task))

    def status_event(self, name: TaskId, now: float) -> e.AnyTaskEvent | None:
        """Return the event that tells a pool the present state of a task; None for one that is not initialised."""
        match self.tasks[name].status:
            case "completed":
                return e.TaskFinalized(at=now, task=name)
            case "failed":
                return e.TaskRefunded(at=now, task=name)
            case "active":
                return e.TaskInitialized(at=now, task=name)
            case "unset":
                return None

    def reorganise(self) -> None:
        """Move the events of the newest block into the next one."""
        self.unread = [(number + (number == self.blocks), event) for number, event in self.unread]

    def read_confirmed(self) -> list[e.AnyEvent]:
        """Return the events below the newest block that were not read before."""
        confirmed = [event for number, event in self.unread if number < self.blocks]
        self.unread = [each for each in self.unread if each[0] >= self.blocks]
        return confirmed

    def _emit(self, event: e.AnyEvent) -> None:
        self.unread.append((self.blocks + 1, event))

    def _pay(self, *, requester: int = 0, pool: int = 0, kitty: int = 0) -> None:
        self.locked -= requester + pool + kitty
        for name, amount in (("requester", requester), ("pool", pool), ("kitty", kitty)):
            self.paid[name] += amount


def replace_deal(number: int, size: int, contribution_seconds: int) -> e.DealMatched:
    """Return a deal of its own: requesters take turns, and so do apps, which need 1 to 3 GiB of memory."""
    app = APPS[number % len(APPS)]
    return deal(
        size,
        requester=REQUESTERS[number % len(REQUESTERS)],
        app=app,
        memory=(1 + number % len(APPS)) * GIB,
        files=(file_of(app),),
        seconds=60,
        deal=DealId(to_digest(number.to_bytes(32, "big"))),
        contribution_deadline=contribution_seconds,
        final_deadline=contribution_seconds * 10 // 7,
    )


def file_of(app: Address) -> Digest:
    """Return the digest of an app's bundle."""
    return to_digest(sha256(app.encode()))
