"""The pool of a simulation: the pool's own steps, claims and replication on a store in memory, and its chain calls.

Its processes ("replicas" of a pool) share the store. A worker's message arrives at any of them; one that restarts loses
the requests that wait there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.pool import events as e
from sealgrid.pool import replication
from sealgrid.pool.claims import Assignment, WorkerRequest, claim
from sealgrid.pool.effects import ChainCall, ChainCallKind
from sealgrid.pool.operations import apply_events, expire, open_tails, pending_calls
from sealgrid.pool.pool_store import Changes
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import ENDED
from sealgrid.pool.task_queue import fill_queue
from sealgrid.pool.transactions import ARRAY_FUNCTIONS, SINGLE_FUNCTIONS
from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.pool import CommitReply, WorkerCapabilities
from tests.unit.pool.judge import Judge
from tests.unit.pool.memory_pool_store import MemoryPoolStore
from tests.unit.pool.scenario import Scenario
from tests.unit.pool.simulated_chain import SimulatedChain
from tests.unit.pool.virtual_time import VirtualTime

WAIT: Final = 20.0  #: of a worker's request
ARRAY: Final = 50
NOTIFY: Final = 0.05  #: seconds until a process hears what another one changed
_KINDS: Final[tuple[ChainCallKind, ...]] = (*ARRAY_FUNCTIONS, "finalize", "reopen")


@dataclass(frozen=True)
class Waiter:
    """A request that waits for tasks at one process; ``answer`` sends them."""

    worker: Address
    slots: int
    capabilities: WorkerCapabilities
    process: int
    answer: Callable[[list[Assignment]], None]


def rules_of(scenario: Scenario) -> PoolRules:
    """Return the rules of a scenario's pool."""
    return PoolRules(
        lease=30,
        retry=5,
        margin=5,
        urgent=60,
        tasks_per_worker=scenario.slots,
        tail_copies=scenario.tail,
        replicas=scenario.replicas,
        tasks_per_requester=20 + 3 * scenario.workers,
        tasks_per_app=20 + 3 * scenario.workers,
    )


class SimulatedPool:
    """The processes of a pool, and their store."""

    def __init__(self, time: VirtualTime, chain: SimulatedChain, store: MemoryPoolStore, judge: Judge) -> None:
        self._time, self._chain, self._judge = time, chain, judge
        self.store, self.rules = store, store.rules
        self.lives = [0] * time.scenario.processes
        self.waiting: dict[int, Waiter] = {}
        self._number = 0
        self._again_at = -1.0  # when it looks again without an event
        self._mempool: list[list[ChainCall]] = []
        self._nonce = 0

    # --- messages of workers

    def hear(self, deliver: Callable[[int], None]) -> None:
        """Send a message to one of the processes, which ``deliver`` gets as its argument."""
        time = self._time
        process = time.chance.randrange(len(self.lives)) if len(self.lives) > 1 else 0
        for _ in range(1 + time.happens("double")):
            if not time.happens("lose"):
                life = self.lives[process]
                time.at(
                    time.chance.random() * time.scenario.delay,
                    lambda life=life: deliver(process) if life == self.lives[process] else None,
                )

    def apply(self, event: e.AnyEvent, process: int = 0) -> tuple[object, ...] | SealgridError:
        """Apply one event; return its effects, or the error by which it is refused."""
        with self.store.transaction() as rows:
            (result,) = apply_events(rows, [event], self.rules)
            fill_queue(rows, self._time.now, self.rules)
        self._after(rows.changes, process)
        if isinstance(event, e.WorkerEvent) and not isinstance(result, SealgridError):
            self._judge.heard(event)
        return result

    def request(self, waiter: Waiter) -> None:
        """Take a worker's request for jobs."""
        self._number += 1
        number = self._number
        self.waiting[number] = waiter
        self._time.at(WAIT, lambda: waiter.answer([]) if self.waiting.pop(number, None) else None)
        self._claim([(number, waiter)])

    def commit(self, event: e.ResultCommitted, app: Address, process: int) -> CommitReply | SealgridError:
        """Take a commitment, again and again; return what its worker does next (``PoolService.commit``)."""
        known = self.store.task(event.task)
        assert known is not None
        if known.replication is None or event.worker not in known.replication.workers:
            agreements = self.store.agreements.get((event.worker, app), 0)
            replicas = replication.replicas_of(self.rules.replicas, agreements, self._time.chance.random())
            told = {"score": self._chain.scores[event.worker], "replicas": replicas}
            refused = self.apply(
                e.ResultCommitted(**{name: getattr(event, name) for name in _COMMITTED}, **told), process
            )
            if isinstance(refused, SealgridError):
                return refused
        task = self.store.task(event.task)
        assert task is not None
        assert task.replication is not None
        reply = replication.reply_to(task.replication, event.worker, ended=task.stage in {*ENDED, "failed"})
        if reply.step == "contribute":
            self._judge.authorised(event.task, event.worker)
            self._chain.authorisations.add((event.task, event.worker))
        return reply

    # --- assigning

    def _after(self, changes: Changes, process: int) -> None:
        if changes.assignable and self.waiting:
            self._assign(process)
            for other in range(len(self.lives)):
                if other != process:
                    self._time.at(NOTIFY, partial(self._assign, other))

    def _assign(self, process: int) -> None:
        waiting = [(number, each) for number, each in self.waiting.items() if each.process == process]
        for start in range(0, len(waiting), 64):
            if not self._claim(waiting[start : start + 64]):
                return

    def _claim(self, batch: Sequence[tuple[int, Waiter]]) -> bool:
        now = self._time.now
        requests = [WorkerRequest(each.worker, each.slots, each.capabilities) for _, each in batch]
        with self._judge.watch_claim() as assigned, self.store.transaction() as rows:
            result = claim(rows, requests, now, int(now), self.rules)
            assigned.extend(result.assignments)
        for index, (number, waiter) in enumerate(batch):
            own = [each for each in result.assignments if each.request == index]
            if own:
                del self.waiting[number]
                waiter.answer(own)
        if result.again_at is not None and not now < self._again_at <= result.again_at:
            self._again_at = result.again_at
            self._time.at(max(0.0, result.again_at - now), partial(self._assign_again, result.again_at))
        return result.more

    def _assign_again(self, at: float) -> None:
        if at == self._again_at:
            for process in range(len(self.lives)):
                self._assign(process)

    # --- time

    def tick(self) -> list[Waiter]:
        """Let a second pass: leases and deadlines end; return whose connections end with a process that restarts."""
        cut = self._restart() if self._time.happens("restart") else []
        now = self._time.now
        with self.store.transaction() as rows:
            expire(rows, now, int(now), self.rules)
            fill_queue(rows, now, self.rules)
            open_tails(rows, now, self.rules)
        self._after(rows.changes, 0)
        return cut

    def _restart(self) -> list[Waiter]:
        process = self._time.chance.randrange(len(self.lives)) if len(self.lives) > 1 else 0
        self.lives[process] += 1
        cut = {number: each for number, each in self.waiting.items() if each.process == process}
        for number in cut:
            del self.waiting[number]
        with self.store.transaction() as rows:
            rows.renew_leases(self._time.now)
        return list(cut.values())

    # --- the chain

    def follow_block(self) -> None:
        """Include what was sent, read what is confirmed, and send what tasks need."""
        self._chain.blocks += 1
        sent, self._mempool = self._mempool, []
        for calls in sent:
            if self._time.happens("drop"):  # the pool sends it again
                self._mempool.append(calls)
            else:
                self._include(calls)
        if self._time.happens("reorganise"):  # the block's events come in the next one instead
            self._chain.reorganise()
        if confirmed := self._chain.read_confirmed():
            self._apply_all(confirmed)
        for kind in _KINDS:
            most = 1 if kind in SINGLE_FUNCTIONS else ARRAY
            with self.store.transaction() as rows:
                some = pending_calls(rows, kind, self._time.now, 8 * most)
            for start in range(0, len(some), most):
                self._submit(some[start : start + most])

    def _apply_all(self, events: Sequence[e.AnyEvent]) -> None:
        with self.store.transaction() as rows:
            apply_events(rows, events, self.rules)
            fill_queue(rows, self._time.now, self.rules)
        self._after(rows.changes, 0)

    def _submit(self, calls: list[ChainCall]) -> None:
        now, events = self._time.now, list[e.AnyEvent]()
        possible = [call for call in calls if self._chain.can(call, now)]
        self._nonce += 1
        for call in calls:
            if call in possible:
                events.append(e.ChainCallSubmitted(task=call.task, at=now, nonce=self._nonce))
            elif (settled := self._chain.status_event(call, now)) is not None:
                events.append(settled)
            else:
                events.append(e.ChainCallPostponed(task=call.task, at=now, until=now + self.rules.retry))
        self._apply_all(events)
        if possible:
            self._mempool.append(possible)
        for call in possible:
            if call.kind not in SINGLE_FUNCTIONS and self._time.happens("front_run"):
                self._chain.perform(call, now)

    def _include(self, calls: list[ChainCall]) -> None:
        """Include a transaction: all of its calls, or none when one of them is not possible any more."""
        now, done = self._time.now, list[e.AnyEvent]()
        if all(self._chain.can(call, now) for call in calls):
            for call in calls:
                self._judge.calls(call)
                self._chain.perform(call, now)
                event = self._chain.status_event(call, now)
                done += [event] if event else []
        known = {call.task: self.store.task(call.task) for call in calls}
        ended = [
            e.ChainCallEnded(task=name, at=now, nonce=task.nonce or 0)
            for name, task in known.items()
            if task is not None
        ]
        self._apply_all([*done, *ended])


_COMMITTED: Final = ("at", "task", "worker", "fence", "result_hash", "result_seal")


def commitment(at: float, task: TaskId, worker: Address, fence: int, result: Digest) -> e.ResultCommitted:
    """Return a worker's commitment as it sends it: the pool adds its score."""
    return e.ResultCommitted(
        at=at, task=task, worker=worker, fence=fence, result_hash=result, result_seal=result, score=0
    )
