"""The machines of a simulation: they ask for jobs, compute, report, crash and come back; the path through an enclave.

``replicated_jobs`` has the path without a TEE.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.pool import events as e
from sealgrid.pool.claims import Assignment
from sealgrid.pool.effects import SignAuthorisation, SignReassign
from sealgrid.units import Address, TaskId, to_address
from sealgrid.wire.pool import Stage, WorkerCapabilities
from tests.unit.pool.judge import Judge
from tests.unit.pool.simulated_chain import APPS, BLOCK, GIB, REQUESTERS, SimulatedChain, file_of
from tests.unit.pool.simulated_pool import WAIT, SimulatedPool, Waiter
from tests.unit.pool.virtual_time import VirtualTime

HEARTBEAT: Final = 8.0


@dataclass
class Job:
    """A worker's work on one assignment."""

    task: TaskId
    fence: int
    stage: Stage = "assigned"
    authorised: bool = False


@dataclass
class Worker:
    """A machine with some slots."""

    number: int
    name: Address
    capabilities: WorkerCapabilities
    life: int = 0  #: rises with each crash: what an earlier life planned does not happen
    back_at: float = 0.0  #: when it works again after a crash
    jobs: dict[TaskId, Job] = field(default_factory=dict)
    asking: bool = False
    request: int = 0  #: number of its newest request; answers to earlier ones bring jobs and nothing else

    def has(self, life: int, job: Job) -> bool:
        """Return whether it works on a job since an earlier moment of the same life."""
        return life == self.life and self.jobs.get(job.task) is job


ReplicatedJobs = Callable[[Worker, Job, e.DealMatched], None]


def capabilities_of(number: int, *, picky: bool) -> WorkerCapabilities:
    """Return what a worker has: the bundle of one app; if picky, some have little memory or serve one requester."""
    return WorkerCapabilities(
        memory=GIB if picky and number % 4 == 3 else 4 * GIB,
        requesters=REQUESTERS[:1] if picky and number % 5 == 4 else (),
        cached=(file_of(APPS[number % len(APPS)]),),
    )


class SimulatedWorkers:
    """All machines of a scenario."""

    def __init__(self, time: VirtualTime, chain: SimulatedChain, pool: SimulatedPool, judge: Judge) -> None:
        self._time, self._chain, self._pool, self._judge, self._scenario = time, chain, pool, judge, time.scenario
        self.all = [
            Worker(n, to_address((n + 1).to_bytes(20, "big")), capabilities_of(n, picky=self._scenario.picky))
            for n in range(self._scenario.workers)
        ]
        self.by_name = {worker.name: worker for worker in self.all}
        self.on_replicated: ReplicatedJobs | None = None  #: begins a job without a TEE
        self._attempts: dict[tuple[TaskId, Address], int] = {}  # enclave → its attempt
        self._released: dict[TaskId, int] = {}  # highest attempt that got a secret
        self._settling: set[tuple[TaskId, Address]] = set()  # enclaves that got a secret

    def start(self) -> None:
        """Let every worker ask for its first jobs."""
        for worker in self.all:
            self._ask_soon(worker)

    def reconnect(self, cut: list[Waiter]) -> None:
        """Let the workers ask again whose connections have ended."""
        for waiter in cut:
            worker = self.by_name[waiter.worker]
            if worker.asking:
                worker.asking = False
                self._ask_soon(worker)

    def reply(self, worker: Worker, life: int, deliver: Callable[[], None]) -> None:
        """Send a pool's answer to a worker."""
        if not self._time.happens("lose"):
            seconds = self._time.chance.random() * self._scenario.delay
            self._time.at(seconds, lambda: deliver() if life == worker.life else None)

    # --- asking for jobs

    def _ask_soon(self, worker: Worker) -> None:
        life = worker.life
        self._time.at(self._time.chance.random(), lambda: self._ask(worker, life))

    def _ask(self, worker: Worker, life: int) -> None:
        if life != worker.life or worker.asking or len(worker.jobs) >= self._scenario.slots:
            return
        worker.asking = True
        worker.request += 1
        asked, slots = worker.request, self._scenario.slots - len(worker.jobs)

        def answer(assigned: list[Assignment]) -> None:
            self.reply(worker, life, lambda: self._begin(worker, asked, assigned))

        self._pool.hear(
            lambda process: self._pool.request(Waiter(worker.name, slots, worker.capabilities, process, answer))
        )

        def no_answer() -> None:
            if worker.asking and asked == worker.request and life == worker.life:
                worker.asking = False
                self._ask(worker, life)

        self._time.at(WAIT + 3 * self._scenario.delay, no_answer)

    def _begin(self, worker: Worker, asked: int, assigned: list[Assignment]) -> None:
        for each in assigned:
            known = worker.jobs.get(each.task.task)
            if known is None or known.fence < each.task.fence:
                job = worker.jobs[each.task.task] = Job(each.task.task, each.task.fence)
                if each.task.replication is None:
                    self._compute(worker, job)
                else:
                    assert self.on_replicated is not None
                    self.on_replicated(worker, job, each.deal)
        if asked == worker.request:
            worker.asking = False
            self._ask_soon(worker)

    # --- what every job has

    def work_seconds(self, worker: Worker) -> float:
        """Return how long a job of a worker takes."""
        slow = self._scenario.slowness if worker is self.all[0] else 1.0
        return slow * self._scenario.work_seconds * (0.5 + self._time.chance.random())

    def meet_faults(self, worker: Worker, job: Job, seconds: float) -> None:
        """Let the worker crash, or the job fail, within some seconds, if chance wants it; report until it ends."""
        life = worker.life
        if self._time.happens("crash"):
            self._time.at(seconds * self._time.chance.random(), lambda: self._crash(worker, life))
        elif self._time.happens("fail"):
            self._time.at(seconds * self._time.chance.random(), lambda: self.report(worker, life, job, "failed"))
        self._heartbeat(worker, life, job)

    def report(self, worker: Worker, life: int, job: Job, stage: Stage) -> None:
        """Tell the pool a stage of a job."""
        if not worker.has(life, job):
            return
        job.stage = stage
        self._send_report(worker, life, job, stage)
        if stage == "failed":
            self.drop(worker, life, job)

    def drop(self, worker: Worker, life: int, job: Job) -> None:
        """End a job: its slot is free."""
        if worker.has(life, job):
            del worker.jobs[job.task]
            self._ask(worker, life)

    def _send_report(self, worker: Worker, life: int, job: Job, stage: Stage) -> None:
        def arrive(process: int) -> None:
            reported = e.StageReported(
                at=self._time.now, task=job.task, worker=worker.name, fence=job.fence, stage=stage, detail=""
            )
            if isinstance(self._pool.apply(reported, process), SealgridError):
                self.reply(worker, life, lambda: self.drop(worker, life, job))

        self._pool.hear(arrive)

    def _heartbeat(self, worker: Worker, life: int, job: Job) -> None:
        if worker.has(life, job):
            if job.stage != "assigned":
                self._send_report(worker, life, job, job.stage)
            self._time.at(HEARTBEAT, lambda: self._heartbeat(worker, life, job))

    def _crash(self, worker: Worker, life: int) -> None:
        if life == worker.life:
            worker.life += 1
            worker.jobs.clear()
            worker.asking = False
            began, pause = worker.life, self._time.chance.random() * 60
            worker.back_at = self._time.now + pause
            self._time.at(pause, lambda: self._ask(worker, began))

    # --- through an enclave

    def _compute(self, worker: Worker, job: Job) -> None:
        life, enclave = worker.life, to_address(self._time.chance.randbytes(20))
        self._propose(worker, life, job, enclave)
        seconds = self.work_seconds(worker)
        self.meet_faults(worker, job, seconds)
        slow = self._scenario.slowness if worker is self.all[0] else 1.0
        self._time.at(seconds / slow / 2, lambda: self._run_app(worker, life, job, enclave))
        self._time.at(seconds, lambda: self._finish(worker, life, job, enclave))

    def _propose(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        def arrive(process: int) -> None:
            proposal = e.EnclaveProposed(
                at=self._time.now, task=job.task, worker=worker.name, fence=job.fence, enclave=enclave
            )
            result = self._pool.apply(proposal, process)
            if isinstance(result, SealgridError):
                self.reply(worker, life, lambda: self.drop(worker, life, job))
                return
            for effect in result:
                if isinstance(effect, SignAuthorisation):
                    self._judge.signed(effect.task, effect.worker, effect.enclave)
                    self._attempts.setdefault((effect.task, effect.enclave), 1)
                elif isinstance(effect, SignReassign):
                    self._attempts[effect.task, effect.enclave] = effect.attempt
            self.reply(worker, life, lambda: self._authorised(worker, life, job))

        self._pool.hear(arrive)

        def no_answer() -> None:
            if worker.has(life, job) and not job.authorised:
                self._propose(worker, life, job, enclave)

        self._time.at(3 * self._scenario.delay, no_answer)

    def _authorised(self, worker: Worker, life: int, job: Job) -> None:
        if worker.has(life, job):
            job.authorised = True

    def _run_app(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        if not worker.has(life, job):
            return
        if not job.authorised:
            self._time.at(1.0, lambda: self._run_app(worker, life, job, enclave))
            return
        self.report(worker, life, job, "running" if self._release(worker, job, enclave) else "failed")

    def _release(self, worker: Worker, job: Job, enclave: Address) -> bool:
        """The vaults release a secret to an authorised enclave, and to none that another has followed."""
        self._judge.releases(job.task, worker.name, enclave)
        attempt = self._attempts[job.task, enclave]
        if attempt < self._released.get(job.task, 0):
            return False
        self._released[job.task] = attempt
        self._settling.add((job.task, enclave))
        return True

    def _finish(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        if not worker.has(life, job):
            return
        if job.stage != "running":
            self._time.at(1.0, lambda: self._finish(worker, life, job, enclave))
            return
        self.report(worker, life, job, "finalizing")
        self._time.at(self._time.chance.random() * BLOCK, lambda: self._contribute(worker, life, job, enclave))

    def _contribute(self, worker: Worker, life: int, job: Job, enclave: Address) -> None:
        if not worker.has(life, job):
            return
        if (job.task, enclave) in self._settling:  # also of an earlier attempt: the first one is paid
            self._chain.contribute_and_finalize(job.task, self._time.now)
        self.drop(worker, life, job)
