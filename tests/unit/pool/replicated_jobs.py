"""Jobs without a TEE in a simulation: commit to a result, contribute, reveal; honest workers and four kinds of others.

A liar commits to a false result, which no other worker has. A turncoat commits to the right one and contributes a false
one. An absentee commits and does not contribute. A worker that hides contributes and does not reveal.
"""

from dataclasses import dataclass
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.pool import events as e
from sealgrid.units import Digest, TaskId
from sealgrid.wire.pool import CommitReply
from tests.unit.pool.scenario import Behaviour
from tests.unit.pool.simulated_chain import BLOCK, SimulatedChain, false_result, right_result
from tests.unit.pool.simulated_pool import SimulatedPool, commitment
from tests.unit.pool.simulated_workers import Job, SimulatedWorkers, Worker
from tests.unit.pool.virtual_time import VirtualTime

POLL: Final = 5.0  #: seconds between two questions of a worker what it does next


@dataclass(frozen=True)
class Commitment:
    """A result that a worker has on its disk: a crash does not end what follows."""

    task: TaskId
    deal: e.DealMatched
    fence: int
    committed: Digest
    contributed: Digest


class ReplicatedJobs:
    """What the workers of a scenario do with jobs without a TEE."""

    def __init__(
        self, time: VirtualTime, chain: SimulatedChain, pool: SimulatedPool, workers: SimulatedWorkers
    ) -> None:
        self._time, self._chain, self._pool, self._workers = time, chain, pool, workers
        self._kept: dict[tuple[str, TaskId], Commitment] = {}

    def behaviour(self, worker: Worker) -> Behaviour:
        """Return what kind of worker it is: the first ones of a scenario are not honest."""
        others = self._time.scenario.dishonest
        return others[worker.number] if worker.number < len(others) else "honest"

    def begin(self, worker: Worker, job: Job, deal: e.DealMatched) -> None:
        """Compute a job; then commit to its result."""
        life, seconds = worker.life, self._workers.work_seconds(worker)
        self._workers.meet_faults(worker, job, seconds)
        self._time.at(self._time.chance.random(), lambda: self._workers.report(worker, life, job, "running"))
        self._time.at(1 + seconds, lambda: self._computed(worker, life, job, deal))

    def _computed(self, worker: Worker, life: int, job: Job, deal: e.DealMatched) -> None:
        if not worker.has(life, job):
            return
        right, false = right_result(job.task), false_result(job.task, worker.name)
        kind = self.behaviour(worker)
        kept = Commitment(
            job.task,
            deal,
            job.fence,
            committed=false if kind == "liar" else right,
            contributed=false if kind in {"liar", "turncoat"} else right,
        )
        self._kept[worker.name, job.task] = kept
        self._follow(worker, kept)

    def _follow(self, worker: Worker, kept: Commitment) -> None:
        """Ask the pool again and again what to do, until it says that the task has ended."""
        if self._kept.get((worker.name, kept.task)) is not kept:
            return
        if self._time.now >= worker.back_at:
            self._send(worker, kept)
        self._time.at(POLL + self._time.chance.random(), lambda: self._follow(worker, kept))

    def _send(self, worker: Worker, kept: Commitment) -> None:
        life = worker.life

        def arrive(process: int) -> None:
            event = commitment(self._time.now, kept.task, worker.name, kept.fence, kept.committed)
            answer = self._pool.commit(event, kept.deal.app, process)
            self._workers.reply(worker, life, lambda: self._heard(worker, kept, answer))

        self._pool.hear(arrive)

    def _heard(self, worker: Worker, kept: Commitment, answer: CommitReply | SealgridError) -> None:
        job = worker.jobs.get(kept.task)
        if job is not None and job.fence == kept.fence:
            self._workers.drop(worker, worker.life, job)  # its slot is free while others compute the same
        if isinstance(answer, SealgridError) or answer.step == "end":
            if self._kept.get((worker.name, kept.task)) is kept:
                del self._kept[worker.name, kept.task]
            return
        kind, soon = self.behaviour(worker), self._time.chance.random() * BLOCK
        if answer.step == "contribute" and kind != "absent":
            self._time.at(
                soon, lambda: self._chain.contribute(kept.task, worker.name, kept.contributed, self._time.now)
            )
        elif answer.step == "reveal" and kind != "hidden":
            self._time.at(soon, lambda: self._chain.reveal(kept.task, worker.name, self._time.now))
