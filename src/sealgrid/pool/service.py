"""What workers and requesters ask a pool, answered from its memory and signed with its owner's key."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sealgrid.attestation.statements import Reassign, poco_authorisation
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.errors import InputRefused
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.effects import Answer, AssignTask, SignAuthorisation, SignReassign
from sealgrid.pool.events import EnclaveProposed, JobRequested, StageReported
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.task import public_history
from sealgrid.pool.worker_sessions import AllowedWorkers, WorkerSessions
from sealgrid.units import ZERO_ADDRESS, Address, TaskId, to_address
from sealgrid.wire.pool import (
    AuthoriseReply,
    AuthoriseRequest,
    JobAssignment,
    NextJob,
    PoolView,
    PublicTaskStatus,
    SignedCall,
    StageReport,
    TaskStages,
)
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.vault import Authorization, SignedReassign
from sealgrid.wire.worker_session import SessionCall, WorkerLoginReply

MAX_WAIT: Final = 30.0  #: seconds that a question may stay open
LOOK_AGAIN: Final = 0.5  #: seconds after which a waiting worker is considered anew: a task may have become free for it
SEEN_SECONDS: Final = 60.0

P = TypeVar("P")


class TaskService:
    """Answers every path of the pool's API; ``clock`` is Unix seconds."""

    def __init__(
        self,
        memory: PersistentState,
        chain_clock: ChainClock,
        callers: AllowedWorkers,
        key: SigningKey,
        *,
        machines: tuple[OfferedMachine, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._machines = machines
        self._memory, self._chain_clock, self._callers, self._key = memory, chain_clock, callers, key
        self._clock, self._sessions = clock, WorkerSessions(callers)
        self._seen: dict[Address, float] = {}  # the admitted workers at most: others are refused before

    def view(self) -> PoolView:
        """Return which pool this is."""
        since = self._clock() - SEEN_SECONDS
        workers = sum(1 for at in self._seen.values() if at >= since)
        return PoolView(
            workerpool=self._callers.pool, owner=self._key.address, workers=workers, machines=self._machines
        )

    def status(self, task: TaskId) -> PublicTaskStatus:
        """Return what everybody may know of a task; raise NotFound."""
        known = self._memory.state.task(task)
        return PublicTaskStatus(
            task=task,
            deal=known.deal,
            index=known.index,
            worker=known.worker,
            enclave=known.enclave,
            attempt=known.attempt,
            history=public_history(known.history),
        )

    async def stages(self, task: TaskId, *, after: int = 0, wait: float = 0.0) -> TaskStages:
        """Return the exact stages of a task, for its requester; raise NotFound.

        Waits up to ``wait`` seconds, MAX_WAIT at most, until there are more than ``after`` stages.
        """
        until = self._clock() + min(max(wait, 0.0), MAX_WAIT)
        while len(history := self._memory.state.task(task).history) <= after and (left := until - self._clock()) > 0:
            await self._memory.changed(left)
        return TaskStages(history=history)

    def requester(self, task: TaskId) -> Address:
        """Return whose deal a task is of; raise NotFound."""
        state = self._memory.state
        return state.deals[state.task(task).deal].requester

    def login(self, call: SignedCall) -> WorkerLoginReply:
        """Open a session for a worker."""
        return self._sessions.open(call, at=self._clock())

    async def next_job(self, call: SessionCall) -> JobAssignment | None:
        """Return a task for this worker as soon as there is one, or None when its patience ends."""
        worker, asked = self._hear(call, "/jobs/next", NextJob)
        until = self._clock() + min(max(asked.wait, 0.0), MAX_WAIT)
        while True:
            now = self._clock()
            answers = self._memory.apply(JobRequested(at=now, worker=worker, chain_now=self._chain_clock.now(now)))
            if answers:
                return self._job(answers[0])
            if now >= until:
                return None
            await self._memory.changed(min(LOOK_AGAIN, until - now))

    def authorise(self, call: SessionCall) -> AuthoriseReply:
        """Sign for an enclave of the worker that holds the task; the same enclave gets the same answer again."""
        worker, asked = self._hear(call, "/jobs/authorisation", AuthoriseRequest)
        named = EnclaveProposed(at=self._clock(), task=asked.task, worker=worker, enclave=_enclave(asked.enclave))
        authorization, reassign = None, None
        for answer in self._memory.apply(named):
            if isinstance(answer, SignAuthorisation):
                authorization = self._authorization(answer)
            elif isinstance(answer, SignReassign):
                reassign = self._reassign(answer)
        assert authorization is not None
        return AuthoriseReply(authorization=authorization, reassign=reassign)

    def report(self, call: SessionCall) -> None:
        """Take note of how far a worker is."""
        worker, said = self._hear(call, "/jobs/stage", StageReport)
        self._memory.apply(
            StageReported(
                at=self._clock(),
                task=said.task,
                worker=worker,
                stage=said.stage,
                detail=said.detail[:200],
                check=said.check[:16],
            )
        )

    def _hear(self, call: SessionCall, path: str, payload: type[P]) -> tuple[Address, P]:
        worker, said = self._sessions.verify(call, path, payload, at=self._clock())
        self._seen[worker] = self._clock()
        return worker, said

    def _job(self, answer: Answer) -> JobAssignment:
        assert isinstance(answer, AssignTask)
        task = self._memory.state.task(answer.task)
        deal = self._memory.state.deals[task.deal]
        return JobAssignment(
            deal=task.deal,
            task=task.task,
            index=task.index,
            app=deal.app,
            app_digest=deal.app_digest,
            bundle=deal.bundle,
            contribution_deadline=deal.contribution_deadline,
        )

    def _authorization(self, asked: SignAuthorisation) -> Authorization:
        message = poco_authorisation(asked.worker, asked.task, asked.enclave)
        signature = self._key.sign(personal_digest(message))
        return Authorization(task=asked.task, worker=asked.worker, enclave=asked.enclave, signature=signature)

    def _reassign(self, asked: SignReassign) -> SignedReassign:
        said = Reassign(task=asked.task, attempt=asked.attempt, worker=asked.worker, enclave=asked.enclave)
        return SignedReassign(reassign=said, signature=said.sign(self._callers.domain, self._key))


def _enclave(named: Address) -> Address:
    try:
        enclave = to_address(named)
    except ValueError as error:
        raise InputRefused(f"the enclave's address is none: {error}.") from error
    if enclave == ZERO_ADDRESS:
        raise InputRefused("the zero address is no enclave.")
    return enclave
