"""A pool, its workers, its chain and their network in virtual time, from one seed.

One heap of events drives everything. The pool's tasks are stepped, claimed and matched by the pool's own code; its
store is in memory. Messages are late, doubled and lost; workers and the pool crash; strangers make the pool's calls
before it does; blocks are removed again. The invariants are checked while it runs.
"""

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.pool import events as e
from sealgrid.pool.claims import Assignment, WorkerRequest, claim
from sealgrid.pool.effects import ChainCall, SignAuthorisation, SignReassign
from sealgrid.pool.matching import allowed_tasks, fits, pause_ends
from sealgrid.pool.operations import apply_events, expire, open_tails, pending_calls
from sealgrid.pool.pool_store import Changes
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import ENDED, WORKING, PoolTask, workers_of
from sealgrid.pool.task_queue import fill_queue
from sealgrid.pool.transactions import ARRAY_FUNCTIONS
from sealgrid.units import Address, TaskId, to_address
from sealgrid.wire.pool import Stage, WorkerCapabilities
from tests.unit.pool.memory_pool_store import MemoryPoolStore
from tests.unit.pool.scenario import InvariantBroken, Scenario
from tests.unit.pool.simulated_chain import APPS, GIB, PRICE, REQUESTERS, STAKE, SimulatedChain, file_of

BLOCK: Final = 2.0  #: seconds between two blocks
HEARTBEAT: Final = 8.0
WAIT: Final = 20.0  #: of a worker's request
ARRAY: Final = 50


@dataclass
class Job:
    """A worker's work on one assignment."""

    task: TaskId
    fence: int
    attempt: int = 0
    stage: Stage = "assigned"
    authorised: bool = False


@dataclass
class Worker:
    """A machine with some slots."""

    name: Address
    capabilities: WorkerCapabilities
    life: int = 0  #: rises with each crash: what an earlier life planned does not happen
    jobs: dict[TaskId, Job] = field(default_factory=dict)
    asking: bool = False
    request: int = 0  #: number of its newest request; answers to earlier ones bring jobs and nothing else


Waiter = tuple[Worker, int, Callable[[list[Assignment]], None]]  #: a worker, its slots, and who gets the answer


def capabilities_of(number: int, *, picky: bool) -> WorkerCapabilities:
    """Return what a worker has: the bundle of one app; if picky, some have little memory or serve one requester."""
    return WorkerCapabilities(
        memory=GIB if picky and number % 4 == 3 else 4 * GIB,
        requesters=REQUESTERS[:1] if picky and number % 5 == 4 else (),
        cached=(file_of(APPS[number % len(APPS)]),),
    )


class Simulation:
    """Runs a scenario to its end; raises InvariantBroken."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.chance, self.now = scenario, random.Random(scenario.seed), 0.0
        self.rules = PoolRules(
            lease=30,
            retry=5,
            margin=5,
            urgent=60,
            tasks_per_worker=scenario.slots,
            tail_copies=scenario.tail,
            tasks_per_requester=20 + 3 * scenario.workers,
            tasks_per_app=20 + 3 * scenario.workers,
        )
        self.store = MemoryPoolStore(self.rules)
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.order = 0
        self.pool_life = 0
        self.waiting: dict[int, Waiter] = {}
        self.waiter = 0
        self.again_at = -1.0  # when the pool looks again without an event
        self.fences: dict[tuple[TaskId, Address], int] = {}  # highest of which a report of a worker was accepted
        self.tail_copies = 0
        self.signed: set[tuple[TaskId, Address, Address]] = set()
        self.attempts: dict[tuple[TaskId, Address], int] = {}  # enclave → its attempt
        self.released: dict[TaskId, int] = {}  # highest attempt that got a secret
        self.settling: set[tuple[TaskId, Address]] = set()  # enclaves that got a secret
        self.chain = SimulatedChain(scenario.tasks, scenario.contribution_seconds)
        self.mempool: list[list[ChainCall]] = []
        self.events = 0
        self.nonce = 0
        self.starving: dict[tuple[TaskId, Address], float] = {}
        self.turns = dict.fromkeys(REQUESTERS, 0)  # tasks that were given while both requesters waited
        self.unfairness = 0  # the largest difference of these
        self.workers = [
            Worker(to_address((n + 1).to_bytes(20, "big")), capabilities_of(n, picky=scenario.picky))
            for n in range(scenario.workers)
        ]

    # --- running

    def run(self) -> None:
        """Run until every task has ended, here and on the chain."""
        for worker in self.workers:
            self._at(self.chance.random(), lambda worker=worker: self._ask(worker, worker.life))
        self._every(BLOCK, self._block)
        self._every(1.0, self._tick)
        ends = self.scenario.contribution_seconds * 10 / 7 + 600
        while self.heap and (len(self.store.history) < len(self.chain.tasks) or self.chain.unread):
            self.now, _, happen = heapq.heappop(self.heap)
            if self.now > ends:
                self._fail(
                    f"{len(self.chain.tasks) - len(self.store.history)} tasks have not ended at their final deadline"
                )
            happen()
            self.events += 1
        self._check_ends()

    def _at(self, seconds: float, happen: Callable[[], None]) -> None:
        self.order += 1
        heapq.heappush(self.heap, (self.now + seconds, self.order, happen))

    def _every(self, seconds: float, happen: Callable[[], None]) -> None:
        def again() -> None:
            happen()
            self._at(seconds, again)

        self._at(seconds, again)

    def _fail(self, why: str) -> None:
        raise InvariantBroken(f"at {self.now:.2f} s: {why}\n{self.scenario}")

    def _happens(self, kind: str) -> bool:
        probability: float = getattr(self.scenario.faults, kind)
        return self.now < self.scenario.faulty_seconds and self.chance.random() < probability

    # --- the network between a worker and the pool

    def _send(self, deliver: Callable[[], None]) -> None:
        for _ in range(1 + self._happens("double")):
            if not self._happens("lose"):
                self._at(self.chance.random() * self.scenario.delay, partial(self._deliver, self.pool_life, deliver))

    def _deliver(self, life: int, deliver: Callable[[], None]) -> None:
        if life == self.pool_life:
            deliver()

    def _reply(self, worker: Worker, life: int, deliver: Callable[[], None]) -> None:
        if not self._happens("lose"):
            self._at(self.chance.random() * self.scenario.delay, lambda: deliver() if life == worker.life else None)

    # --- the pool

    def _apply(self, event: e.AnyEvent) -> tuple[object, ...] | SealgridError:
        with self.store.transaction() as rows:
            (result,) = apply_events(rows, [event], self.rules)
            fill_queue(rows, self.now, self.rules)
        self._after(rows.changes)
        if isinstance(event, e.WorkerEvent) and not isinstance(result, SealgridError):
            heard = self.fences.get((event.task, event.worker), 0)
            if event.fence < heard:
                self._fail(f"assignment {event.fence} of {event.task} was heard after {heard}")
            self.fences[event.task, event.worker] = event.fence
        return result

    def _after(self, changes: Changes) -> None:
        if changes.assignable and self.waiting:
            self._assign()

    def _assign(self) -> None:
        waiting = list(self.waiting.items())
        for start in range(0, len(waiting), 64):
            if not self._claim(waiting[start : start + 64]):
                return

    def _claim(self, batch: Sequence[tuple[int, Waiter]]) -> bool:
        requests = [WorkerRequest(worker.name, slots, worker.capabilities) for _, (worker, slots, _) in batch]
        both = {self._deal_of(key[-1]).requester for key in self.store.ready} == set(REQUESTERS)
        with self.store.transaction() as rows:
            result = claim(rows, requests, self.now, int(self.now), self.rules)
        if both:
            for each in result.assignments:
                self.turns[each.deal.requester] += 1
            self.unfairness = max(self.unfairness, max(self.turns.values()) - min(self.turns.values()))
        self.tail_copies += sum(bool(each.task.copies) for each in result.assignments)
        for index, (number, (_, _, answer)) in enumerate(batch):
            own = [each for each in result.assignments if each.request == index]
            if own:
                del self.waiting[number]
                answer(own)
        if result.again_at is not None and not self.now < self.again_at <= result.again_at:
            self.again_at = result.again_at
            self._at(max(0.0, result.again_at - self.now), partial(self._assign_again, result.again_at))
        return result.more

    def _assign_again(self, at: float) -> None:
        if at == self.again_at:
            self._assign()

    def _request(self, worker: Worker, life: int, slots: int, asked: int) -> None:
        """A worker's request for jobs arrives; ``asked`` is its number."""
        self.waiter += 1
        number = self.waiter

        def answer(assigned: list[Assignment]) -> None:
            self._reply(worker, life, lambda: self._begin(worker, asked, assigned))

        self.waiting[number] = (worker, slots, answer)
        self._at(WAIT, lambda: answer([]) if self.waiting.pop(number, None) else None)
        self._claim([(number, self.waiting[number])])

    def _tick(self) -> None:
        if self._happens("restart"):
            self._restart()
        with self.store.transaction() as rows:
            expire(rows, self.now, int(self.now), self.rules)
            fill_queue(rows, self.now, self.rules)
            open_tails(rows, self.now, self.rules)
        self._after(rows.changes)
        self._check_starving()
        self._check_caps()
        self._check_workers()

    def _restart(self) -> None:
        self.pool_life += 1
        self.waiting.clear()
        with self.store.transaction() as rows:
            rows.renew_leases(self.now)
        for worker in self.workers:  # their connections end
            if worker.asking:
                worker.asking = False
                self._at(self.chance.random(), lambda worker=worker, life=worker.life: self._ask(worker, life))

    # --- a worker

    def _ask(self, worker: Worker, life: int) -> None:
        if life != worker.life or worker.asking or len(worker.jobs) >= self.scenario.slots:
            return
        worker.asking = True
        worker.request += 1
        asked = worker.request
        slots = self.scenario.slots - len(worker.jobs)
        self._send(lambda: self._request(worker, life, slots, asked))

        def no_answer() -> None:
            if worker.asking and asked == worker.request and life == worker.life:
                worker.asking = False
                self._ask(worker, life)

        self._at(WAIT + 3 * self.scenario.delay, no_answer)

    def _begin(self, worker: Worker, asked: int, assigned: list[Assignment]) -> None:
        for each in assigned:
            known = worker.jobs.get(each.task.task)
            if known is None or known.fence < each.task.fence:
                job = worker.jobs[each.task.task] = Job(each.task.task, each.task.fence)
                self._work(worker, job)
        if asked == worker.request:
            worker.asking = False
            life = worker.life
            self._at(self.chance.random(), lambda: self._ask(worker, life))

    def _work(self, worker: Worker, job: Job) -> None:
        life = worker.life
        enclave = to_address(self.chance.randbytes(20))
        self._propose(worker, life, job, enclave)
        slow = self.scenario.slowness if worker is self.workers[0] else 1.0
        seconds = slow * self.scenario.work_seconds * (0.5 + self.chance.random())
        if self._happens("crash"):
            self._at(seconds * self.chance.random(), lambda: self._crash(worker, life))
        elif self._happens("fail"):
            self._at(seconds * self.chance.random(), lambda: self._report(worker, life, job, "failed"))
        self._at(seconds / slow / 2, lambda: self._run_app(worker, life, job, enclave))
        self._at(seconds, lambda: self._finish(worker, life, job, enclave))
        self._heartbeat(worker, life, job)

    def _mine(self, worker: Worker, life: int, job: Job) -> bool:
        return life == worker.life and worker.jobs.get(job.task) is job

    def _propose(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        def arrive() -> None:
            proposal = e.EnclaveProposed(
                at=self.now, task=job.task, worker=worker.name, fence=job.fence, enclave=enclave
            )
            result = self._apply(proposal)
            if isinstance(result, SealgridError):
                self._reply(worker, life, lambda: self._drop(worker, life, job))
                return
            for effect in result:
                if isinstance(effect, SignAuthorisation):
                    self.signed.add((effect.task, effect.worker, effect.enclave))
                    self.attempts.setdefault((effect.task, effect.enclave), 1)
                elif isinstance(effect, SignReassign):
                    self.attempts[effect.task, effect.enclave] = effect.attempt
            self._reply(worker, life, lambda: self._authorised(worker, life, job))

        self._send(arrive)

        def no_answer() -> None:
            if self._mine(worker, life, job) and not job.authorised:
                self._propose(worker, life, job, enclave)

        self._at(3 * self.scenario.delay, no_answer)

    def _authorised(self, worker: Worker, life: int, job: Job) -> None:
        if self._mine(worker, life, job):
            job.authorised = True

    def _run_app(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        if not self._mine(worker, life, job):
            return
        if not job.authorised:
            self._at(1.0, lambda: self._run_app(worker, life, job, enclave))
            return
        if self._release(worker, job, enclave):
            self._report(worker, life, job, "running")
        else:
            self._report(worker, life, job, "failed")

    def _release(self, worker: Worker, job: Job, enclave: Address) -> bool:
        """The vaults release a secret to an authorised enclave, and to none that another has followed."""
        if (job.task, worker.name, enclave) not in self.signed:
            self._fail(f"a secret of {job.task} goes to an enclave that the pool did not authorise")
        attempt = self.attempts[job.task, enclave]
        if attempt < self.released.get(job.task, 0):
            return False
        self.released[job.task] = attempt
        self.settling.add((job.task, enclave))
        return True

    def _finish(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        if not self._mine(worker, life, job):
            return
        if job.stage != "running":
            self._at(1.0, lambda: self._finish(worker, life, job, enclave))
            return
        self._report(worker, life, job, "finalizing")
        self._at(self.chance.random() * BLOCK, lambda: self._contribute(worker, life, job, enclave))

    def _contribute(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        if not self._mine(worker, life, job):
            return
        if (job.task, enclave) in self.settling:  # also of an earlier attempt: the first one is paid
            self.chain.contribute(job.task, self.now)
        self._drop(worker, life, job)

    def _drop(self, worker: Worker, life: int, job: Job) -> None:
        if self._mine(worker, life, job):
            del worker.jobs[job.task]
            self._ask(worker, life)

    def _report(self, worker: Worker, life: int, job: Job, stage: Stage) -> None:
        if not self._mine(worker, life, job):
            return
        job.stage = stage
        self._send_report(worker, life, job, stage)
        if stage == "failed":
            self._drop(worker, life, job)

    def _send_report(self, worker: Worker, life: int, job: Job, stage: Stage) -> None:
        def arrive() -> None:
            reported = e.StageReported(
                at=self.now, task=job.task, worker=worker.name, fence=job.fence, stage=stage, detail=""
            )
            if isinstance(self._apply(reported), SealgridError):
                self._reply(worker, life, lambda: self._drop(worker, life, job))

        self._send(arrive)

    def _heartbeat(self, worker: Worker, life: int, job: Job) -> None:
        if self._mine(worker, life, job):
            if job.stage != "assigned":
                self._send_report(worker, life, job, job.stage)
            self._at(HEARTBEAT, lambda: self._heartbeat(worker, life, job))

    def _crash(self, worker: Worker, life: int) -> None:
        if life == worker.life:
            worker.life += 1
            worker.jobs.clear()
            worker.asking = False
            began = worker.life
            self._at(self.chance.random() * 60, lambda: self._ask(worker, began))

    # --- the chain

    def _block(self) -> None:
        self.chain.blocks += 1
        sent, self.mempool = self.mempool, []
        for calls in sent:
            if self._happens("drop"):  # the pool sends it again
                self.mempool.append(calls)
            else:
                self._include(calls)
        if self._happens("reorganise"):  # the block's events come in the next one instead
            self.chain.reorganise()
        self._read_confirmed()
        self._plan_calls()

    def _read_confirmed(self) -> None:
        if confirmed := self.chain.read_confirmed():
            with self.store.transaction() as rows:
                apply_events(rows, confirmed, self.rules)
                fill_queue(rows, self.now, self.rules)
            self._after(rows.changes)

    def _plan_calls(self) -> None:
        for kind in ARRAY_FUNCTIONS:
            with self.store.transaction() as rows:
                some = pending_calls(rows, kind, self.now, 8 * ARRAY)
            for start in range(0, len(some), ARRAY):
                self._submit(some[start : start + ARRAY])

    def _submit(self, calls: list[ChainCall]) -> None:
        possible = [call for call in calls if self.chain.can(call, self.now)]
        self.nonce += 1
        submitted = [e.ChainCallSubmitted(task=call.task, at=self.now, nonce=self.nonce) for call in possible]
        states = [self.chain.status_event(call.task, self.now) for call in calls if call not in possible]
        settled = [event for event in states if event is not None]
        with self.store.transaction() as rows:
            apply_events(rows, [*submitted, *settled], self.rules)
            fill_queue(rows, self.now, self.rules)
        self._after(rows.changes)
        if possible:
            self.mempool.append(possible)
        for call in possible:
            if self._happens("front_run"):
                self.chain.perform(call, self.now)

    def _include(self, calls: list[ChainCall]) -> None:
        """Include a transaction: all of its calls, or none when one of them is not possible any more."""
        done: list[e.AnyEvent] = []
        if all(self.chain.can(call, self.now) for call in calls):
            for call in calls:
                self.chain.perform(call, self.now)
                event = self.chain.status_event(call.task, self.now)
                done += [event] if event else []
        with self.store.transaction() as rows:
            tasks = rows.tasks([call.task for call in calls])
            ended = [e.ChainCallEnded(task=call.task, at=self.now, nonce=tasks[call.task].nonce or 0) for call in calls]
            apply_events(rows, [*done, *ended], self.rules)
            fill_queue(rows, self.now, self.rules)
        self._after(rows.changes)

    # --- invariants

    def _check_starving(self) -> None:
        """A task does not wait for long while a worker waits that may take it."""
        found = set(self._fitting())
        self.starving = {pair: self.starving.get(pair, self.now) for pair in found}
        for (task, worker), since in self.starving.items():
            if self.now - since > 2 * BLOCK:
                self._fail(f"{task} waits since {since:.2f} s although {worker} waits")

    def _fitting(self) -> Iterator[tuple[TaskId, Address]]:
        waiting = [worker for worker, _, _ in self.waiting.values()]
        for key in self.store.ready[:20]:
            task = self.store.open[self.store.at_place[key[-1]]]
            deal = self._deal_of(key[-1])
            if int(self.now) + self.rules.margin >= deal.contribution_deadline:
                continue
            for worker in waiting[:20]:
                has = len(self.store.working.get(worker.name, {}))
                if has < self.rules.tasks_per_worker and self._may_take(worker, task, deal):
                    yield task.task, worker.name

    def _may_take(self, worker: Worker, task: PoolTask, deal: e.DealMatched) -> bool:
        failures = self.store.lost.get((worker.name, deal.app))
        same_app = sum(
            self.store.known[self.store.open[each].deal].app == deal.app
            for each in self.store.working.get(worker.name, {})
        )
        lost = dict(task.losses)
        others = any(
            each.name not in lost and each.name not in task.excluded and fits(each.capabilities, deal)
            for each in self.workers
        )
        return (
            fits(worker.capabilities, deal)
            and worker.name not in task.excluded
            and pause_ends(failures, self.rules) <= self.now
            and same_app < allowed_tasks(failures, self.rules)
            and (worker.name not in lost or (not others and lost[worker.name] + 2 * self.rules.retry <= self.now))
        )

    def _deal_of(self, place: int) -> e.DealMatched:
        return self.store.known[self.store.open[self.store.at_place[place]].deal]

    def _check_caps(self) -> None:
        for (kind, name), tasks in self.store.queued_of.items():
            cap = self.rules.tasks_per_requester if kind == "requester" else self.rules.tasks_per_app
            if len(tasks) > cap:
                self._fail(f"{len(tasks)} tasks of {kind} {name} are open")

    def _check_workers(self) -> None:
        for task in self.store.open.values():
            if len(task.copies) > task.tail or len(set(workers_of(task))) != len(workers_of(task)):
                self._fail(f"{task.task} is with {workers_of(task)}")

    def _check_ends(self) -> None:
        for name, onchain in self.chain.tasks.items():
            stage = self.store.history[name].stage
            if stage != {"completed": "completed", "failed": "refunded"}.get(onchain.status):
                self._fail(f"{name} is {stage} at the pool and {onchain.status} on the chain")
        if self.chain.locked or sum(self.chain.paid.values()) != len(self.chain.tasks) * (PRICE + STAKE):
            self._fail(f"money is missing: {self.chain.locked} locked, {self.chain.paid} paid")
        if any(task.stage in (*WORKING, "waiting") for task in self.store.open.values()):
            self._fail("an open task is left")
        assert all(task.stage in ENDED for task in self.store.history.values())

    @property
    def completed(self) -> int:
        """Return how many tasks were completed."""
        return sum(task.status == "completed" for task in self.chain.tasks.values())
