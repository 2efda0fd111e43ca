"""The chain of a simulated pool: tasks and their money, and the events that a pool reads when they are confirmed.

A task without a TEE follows PoCo's own rules (``sealgrid.poco.consensus``, which is tested against the contract):
contributions lock a stake, a consensus opens the reveals, and the pool finalizes or reopens; at a claim everybody gets
everything back.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused
from sealgrid.poco.consensus import ConsensusTally, RewardTerms
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.effects import ChainCall
from sealgrid.units import Address, DealId, Digest, TaskId, to_digest
from tests.unit.pool.scenario import Scenario
from tests.unit.pool.store_scene import deal, enclave

BLOCK: Final = 2.0  #: seconds between two blocks
PRICE, STAKE = 10, 3
WORKER_STAKE, ESCROW = 2, 1000  #: of a contribution, and what each worker has at first
DEAL_SIZE: Final = 20
GIB: Final = 1 << 30
REQUESTERS: Final = (enclave(0x41), enclave(0x42))
APPS: Final = (enclave(0x51), enclave(0x52), enclave(0x53))
TERMS: Final = RewardTerms(pool_price=PRICE, worker_stake=WORKER_STAKE, scheduler_reward_ratio=10)

ChainStatus = Literal["unset", "active", "revealing", "completed", "failed"]


@dataclass
class ChainTask:
    """A task on the chain."""

    deal: e.DealMatched
    index: int
    status: ChainStatus = "unset"
    tally: ConsensusTally = field(default_factory=lambda: ConsensusTally(1))
    reveal_deadline: int = 0


class SimulatedChain:
    """The deals of a scenario. ``now`` is the chain's time in seconds."""

    def __init__(self, scenario: Scenario) -> None:
        self.tasks: dict[TaskId, ChainTask] = {}
        self.paid = {"requester": 0, "pool": 0, "kitty": 0}
        self.escrow: dict[Address, int] = {}  #: of workers, what no contribution locks
        self.scores: dict[Address, int] = {}
        self.authorisations: set[tuple[TaskId, Address]] = set()  #: that the pool signed
        self.locked = scenario.tasks * (PRICE + STAKE)
        self.money_at_first = self.locked
        self.blocks = 0
        self.unread: list[tuple[int, e.AnyEvent]] = []  # block → event
        left, number = scenario.tasks, 0
        while left:
            number += 1
            size = min(left, DEAL_SIZE)
            left -= size
            matched = deal_of(number, size, scenario)
            for index in range(matched.first, matched.first + size):
                task = ChainTask(matched, index, tally=ConsensusTally(matched.trust))
                self.tasks[task_id(matched.deal, index)] = task
            self._emit(matched)

    def fund(self, workers: Sequence[Address]) -> None:
        """Give each worker its escrow."""
        self.escrow = dict.fromkeys(workers, ESCROW)
        self.scores = dict.fromkeys(workers, 0)
        self.money_at_first += ESCROW * len(workers)

    @property
    def money(self) -> int:
        """Return all money, wherever it is."""
        return self.locked + sum(self.paid.values()) + sum(self.escrow.values())

    # --- workers

    def contribute_and_finalize(self, task: TaskId, now: float) -> None:
        """Complete a task through an enclave, if it is active and in time."""
        onchain = self.tasks[task]
        if onchain.status == "active" and now < onchain.deal.contribution_deadline:
            onchain.status = "completed"
            self._pay(pool=PRICE + STAKE)
            self._emit(e.TaskFinalized(at=now, task=task))

    def contribute(self, task: TaskId, worker: Address, result: Digest, now: float) -> None:
        """Add a contribution without an enclave, if PoCo takes it."""
        onchain = self.tasks[task]
        is_open = onchain.status == "active" and now < onchain.deal.contribution_deadline
        if not is_open or (task, worker) not in self.authorisations or self.escrow[worker] < WORKER_STAKE:
            return
        try:
            onchain.tally = onchain.tally.contribute(worker, result, self.scores[worker])
        except InputRefused:  # it has contributed
            return
        self.escrow[worker] -= WORKER_STAKE
        self.locked += WORKER_STAKE
        self._emit(e.ResultContributed(at=now, task=task, worker=worker, result_hash=result))
        if onchain.tally.consensus is not None:
            onchain.status = "revealing"
            onchain.reveal_deadline = int(now) + 2 * onchain.deal.contribution_deadline // 7
            reveal = {"result_hash": onchain.tally.consensus, "reveal_deadline": onchain.reveal_deadline}
            self._emit(e.ConsensusReached(at=now, task=task, **reveal))

    def reveal(self, task: TaskId, worker: Address, now: float) -> None:
        """Reveal a worker's result, if PoCo takes it."""
        onchain = self.tasks[task]
        if onchain.status == "revealing" and now < onchain.reveal_deadline:
            with suppress(InputRefused):  # it has revealed
                onchain.tally = onchain.tally.reveal(worker)
                self._emit(e.ResultRevealed(at=now, task=task, worker=worker, result=right_result(task)))

    # --- the pool, and anybody

    def can(self, call: ChainCall, now: float) -> bool:
        """Return whether a call would not revert."""
        task = self.tasks[call.task]
        over = now >= task.reveal_deadline
        match call.kind:
            case "initialize":
                return task.status == "unset"
            case "finalize":
                complete = task.tally.revealed > 0 and (over or not task.tally.winners)
                return task.status == "revealing" and now < task.deal.final_deadline and complete
            case "reopen":
                silent = over and not task.tally.revealed
                return task.status == "revealing" and now < task.deal.final_deadline and silent
            case "claim":
                return task.status in {"active", "revealing"} and now >= task.deal.final_deadline
            case _:
                return task.status == "unset" and now >= task.deal.final_deadline

    def perform(self, call: ChainCall, now: float) -> None:
        """Perform a possible call."""
        task = self.tasks[call.task]
        match call.kind:
            case "initialize":
                task.status = "active"
                self._emit(e.TaskInitialized(at=now, task=call.task))
            case "finalize":
                self._finalize(task)
                self._emit(e.TaskFinalized(at=now, task=call.task))
            case "reopen":
                task.status, task.tally = "active", task.tally.reopen()
                self._emit(e.TaskReopened(at=now, task=call.task))
            case _:
                task.status = "failed"
                self._pay(requester=PRICE, kitty=STAKE)
                for each in task.tally.contributions:
                    self._pay_worker(each.worker, WORKER_STAKE)
                self._emit(e.TaskRefunded(at=now, task=call.task))

    def _finalize(self, task: ChainTask) -> None:
        finalized = task.tally.finalize(TERMS, [self.scores[each.worker] for each in task.tally.contributions])
        task.status = "completed"
        self._pay(pool=STAKE + finalized.pool_reward)
        for each in finalized.workers:
            self._pay_worker(each.worker, each.reward + WORKER_STAKE - each.seized)
            self.scores[each.worker] = each.score

    def status_event(self, call: ChainCall, now: float) -> e.AnyTaskEvent | None:
        """Return the event of a call that has happened, by whoever; None where the chain does not show it."""
        match self.tasks[call.task].status:
            case "completed":
                return e.TaskFinalized(at=now, task=call.task)
            case "failed":
                return e.TaskRefunded(at=now, task=call.task)
            case "unset":
                return None
            case _:
                is_new = call.kind in {"initialize", "initialize and claim"}
                return e.TaskInitialized(at=now, task=call.task) if is_new else None

    # --- blocks

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

    def _pay_worker(self, worker: Address, amount: int) -> None:
        self.locked -= amount
        self.escrow[worker] += amount


def deal_of(number: int, size: int, scenario: Scenario) -> e.DealMatched:
    """Return a deal of its own: requesters take turns, and so do apps, which need 1 to 3 GiB of memory.

    Those without a TEE have PoCo's trust 2, 3 and 4 in turn: one, two and two workers are a consensus.
    """
    app = APPS[number % len(APPS)]
    replicated = bool(scenario.replicated) and number % scenario.replicated == 0
    return deal(
        size,
        requester=REQUESTERS[number % len(REQUESTERS)],
        app=app,
        memory=(1 + number % len(APPS)) * GIB,
        files=(file_of(app),),
        seconds=60,
        deal=DealId(to_digest(number.to_bytes(32, "big"))),
        contribution_deadline=scenario.contribution_seconds,
        final_deadline=scenario.contribution_seconds * 10 // 7,
        replicated=replicated,
        trust=2 + (number - 1) % 3 if replicated else 1,
        stake=WORKER_STAKE if replicated else 0,
    )


def right_result(task: TaskId) -> Digest:
    """Return the result that honest workers have of a task."""
    return to_digest(sha256(b"right" + task.encode()))


def false_result(task: TaskId, worker: Address) -> Digest:
    """Return the result that a worker invents: no other worker has the same."""
    return to_digest(sha256(b"false" + task.encode() + worker.encode()))


def file_of(app: Address) -> Digest:
    """Return the digest of an app's bundle."""
    return to_digest(sha256(app.encode()))
