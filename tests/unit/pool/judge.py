"""The judge of a simulation: what must hold while it runs, and when it has ended.

It keeps its own account of what happened, and looks at the chain and at the pool's store.

While it runs: (1) a worker's assignment is not heard after a later one of it; (2) secrets go to enclaves that the pool
authorised; (3) no task waits while a worker waits that may take it; (4) caps hold; (5) a task is with as many workers as
it needs, and with each once. Without a TEE: (6) a worker commits to one result of a task; (7) the pool authorises a
worker only after so many workers as it promises committed to one result, or one that it has reason to trust; (8) it
finalizes no false result. At the end: (9) each task has ended alike at the pool and on the chain; (10) all money,
escrow and stakes included, is there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sealgrid.pool import events as e
from sealgrid.pool.claims import Assignment
from sealgrid.pool.effects import ChainCall
from sealgrid.pool.matching import allowed_tasks, fits, pause_ends
from sealgrid.pool.replication import TRUSTED_AGREEMENTS
from sealgrid.pool.task import ENDED, WORKING, PoolTask, workers_of
from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.pool import WorkerCapabilities
from tests.unit.pool.memory_pool_store import MemoryPoolStore
from tests.unit.pool.simulated_chain import REQUESTERS, SimulatedChain, right_result
from tests.unit.pool.virtual_time import VirtualTime

STARVING: Final = 4.0  #: seconds that a task may wait although a worker waits that may take it
Machines = dict[Address, WorkerCapabilities]


class Judge:
    """Checks the invariants of one simulation."""

    def __init__(self, time: VirtualTime, chain: SimulatedChain, store: MemoryPoolStore) -> None:
        self._time, self._chain, self._store, self._rules = time, chain, store, store.rules
        self.turns = dict.fromkeys(REQUESTERS, 0)  #: tasks that were given while both requesters waited
        self.unfairness = 0  #: the largest difference of these
        self.tail_copies = 0
        self._fences: dict[tuple[TaskId, Address], int] = {}  # highest of which a call of a worker was accepted
        self._signed: set[tuple[TaskId, Address, Address]] = set()
        self._committed: dict[TaskId, dict[Address, Digest]] = {}
        self._starving: dict[tuple[TaskId, Address], float] = {}

    # --- while it runs

    def heard(self, event: e.WorkerEvent) -> None:
        """Note a worker's call that the pool accepted."""
        heard = self._fences.get((event.task, event.worker), 0)
        if event.fence < heard:  # (1)
            self._time.fail(f"assignment {event.fence} of {event.task} was heard after {heard}")
        self._fences[event.task, event.worker] = event.fence
        if isinstance(event, e.ResultCommitted):
            of_task = self._committed.setdefault(event.task, {})
            if event.worker in of_task:  # (6)
                self._time.fail(f"{event.worker} commits to two results of {event.task}")
            of_task[event.worker] = event.result_hash

    def signed(self, task: TaskId, worker: Address, enclave: Address) -> None:
        """Note an enclave that the pool authorised."""
        self._signed.add((task, worker, enclave))

    def releases(self, task: TaskId, worker: Address, enclave: Address) -> None:
        """Note an enclave that asks the vaults for a secret."""
        if (task, worker, enclave) not in self._signed:  # (2)
            self._time.fail(f"a secret of {task} goes to an enclave that the pool did not authorise")

    def authorised(self, task: TaskId, worker: Address) -> None:
        """Note a worker that may contribute to a task without a TEE."""
        results = self._committed.get(task, {})
        counts = Counter(results.values()).most_common(1)
        agree = counts[0][1] if counts else 0
        app = self._chain.tasks[task].deal.app
        trusted = len(results) == 1 and self._store.agreements.get((worker, app), 0) >= TRUSTED_AGREEMENTS
        if worker not in results or (agree < self._rules.replicas and not trusted):  # (7)
            self._time.fail(f"{worker} may contribute to {task}, on which {agree} workers agree")

    def calls(self, call: ChainCall) -> None:
        """Note a chain call of the pool that is possible."""
        onchain = self._chain.tasks[call.task]
        if call.kind == "finalize" and onchain.tally.consensus != right_result(call.task):  # (8)
            self._time.fail(f"a false result of {call.task} is finalized")

    @contextmanager
    def watch_claim(self) -> Iterator[list[Assignment]]:
        """Count whose tasks a claim gives, which the caller adds to the list."""
        both = {self._deal_of(key[-1]).requester for key in self._store.ready} == set(REQUESTERS)
        assigned: list[Assignment] = []
        yield assigned
        self.tail_copies += sum(each.task.tail and bool(each.task.copies) for each in assigned)
        if both:
            for each in assigned:
                self.turns[each.deal.requester] += 1
            self.unfairness = max(self.unfairness, max(self.turns.values()) - min(self.turns.values()))

    def check(self, waiting: Iterable[Address], machines: Machines) -> None:
        """Check what must hold at any time; ``waiting`` are the workers that wait for a task."""
        self._check_starving(list(waiting)[:20], machines)
        for (kind, name), tasks in self._store.queued_of.items():  # (4)
            cap = self._rules.tasks_per_requester if kind == "requester" else self._rules.tasks_per_app
            if len(tasks) > cap:
                self._time.fail(f"{len(tasks)} tasks of {kind} {name} are open")
        for task in self._store.open.values():  # (5)
            has = workers_of(task)
            if len(has) > task.wanted + task.tail or len(set(has)) != len(has):
                self._time.fail(f"{task.task} is with {has}")

    def _check_starving(self, waiting: list[Address], machines: Machines) -> None:
        found = dict.fromkeys(self._fitting(waiting, machines))
        self._starving = {pair: self._starving.get(pair, self._time.now) for pair in found}
        for (task, worker), since in self._starving.items():
            if self._time.now - since > STARVING:  # (3)
                self._time.fail(f"{task} waits since {since:.2f} s although {worker} waits")

    def _fitting(self, waiting: list[Address], machines: Machines) -> Iterator[tuple[TaskId, Address]]:
        for key in self._store.ready[:20]:
            task = self._store.open[self._store.at_place[key[-1]]]
            deal = self._deal_of(key[-1])
            if int(self._time.now) + self._rules.margin >= deal.contribution_deadline:
                continue
            for worker in waiting:
                has = len(self._store.working.get(worker, {}))
                if has < self._rules.tasks_per_worker and self._may_take(worker, task, deal, machines):
                    yield task.task, worker

    def _may_take(self, worker: Address, task: PoolTask, deal: e.DealMatched, machines: Machines) -> bool:
        failures = self._store.lost.get((worker, deal.app))
        same_app = sum(
            self._store.known[self._store.open[each].deal].app == deal.app
            for each in self._store.working.get(worker, {})
        )
        lost, done = dict(task.losses), {*task.excluded, *workers_of(task), *self._committed.get(task.task, {})}
        others = any(
            each not in lost and each not in done and fits(capabilities, deal)
            for each, capabilities in machines.items()
        )
        return (
            fits(machines[worker], deal)
            and worker not in done
            and pause_ends(failures, self._rules) <= self._time.now
            and same_app < allowed_tasks(failures, self._rules)
            and (worker not in lost or (not others and lost[worker] + 2 * self._rules.retry <= self._time.now))
        )

    def _deal_of(self, place: int) -> e.DealMatched:
        return self._store.known[self._store.open[self._store.at_place[place]].deal]

    # --- at the end

    def check_ends(self) -> None:
        """Check what must hold after the last task."""
        for name, onchain in self._chain.tasks.items():  # (9)
            stage = self._store.history[name].stage
            if stage != {"completed": "completed", "failed": "refunded"}.get(onchain.status):
                self._time.fail(f"{name} is {stage} at the pool and {onchain.status} on the chain")
        if self._chain.locked or self._chain.money != self._chain.money_at_first:  # (10)
            self._time.fail(f"money is missing: {self._chain.locked} locked, {self._chain.paid} paid")
        if any(task.stage in (*WORKING, "waiting") for task in self._store.open.values()):
            self._time.fail("an open task is left")
        assert all(task.stage in ENDED for task in self._store.history.values())
