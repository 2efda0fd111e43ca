"""Requests of workers and requesters to a pool; signs with the pool owner's key."""

import asyncio
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
from sealgrid.pool.task import AttemptFailure, failures_of, public_history
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

MAX_WAIT: Final = 30.0  #: upper bound of a long poll
RECHECK_SECONDS: Final = 0.5  #: seconds between two attempts to assign a task to a waiting worker
ACTIVE_SECONDS: Final = 60.0

P = TypeVar("P")


class TaskService:
    """Handles the requests of one pool; ``clock`` returns Unix seconds."""

    def __init__(
        self,
        state: PersistentState,
        chain_clock: ChainClock,
        workers: AllowedWorkers,
        key: SigningKey,
        *,
        machines: tuple[OfferedMachine, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._machines = machines
        self._state, self._chain_clock, self._workers, self._key = state, chain_clock, workers, key
        self._clock, self._sessions = clock, WorkerSessions(workers)
        self._last_call: dict[Address, float] = {}  # allowed workers only: others are refused before

    def view(self) -> PoolView:
        """Return which pool this is."""
        now = self._clock()
        workers = sum(1 for at in self._last_call.values() if at >= now - ACTIVE_SECONDS)
        return PoolView(
            workerpool=self._workers.pool,
            owner=self._key.address,
            workers=workers,
            seconds=int(now),
            machines=self._machines,
        )

    def status(self, task: TaskId) -> PublicTaskStatus:
        """Return the public status of a task; raise NotFound."""
        known = self._state.current.task(task)
        return PublicTaskStatus(
            task=task,
            deal=known.deal,
            index=known.index,
            worker=known.worker,
            enclave=known.enclave,
            attempt=known.attempt,
            history=public_history(known.history),
        )

    async def wait_for_status(self, task: TaskId, *, after: int = 0, wait: float = 0.0) -> PublicTaskStatus:
        """Return the public status of a task; raise NotFound.

        Waits up to ``wait`` seconds, MAX_WAIT at most, until there are more than ``after`` public stages. It checks
        once a second, at whole seconds of the pool's clock: the moment of the answer reveals no more than the status.
        """
        until = self._clock() + min(max(wait, 0.0), MAX_WAIT)
        while len((status := self.status(task)).history) <= after and (now := self._clock()) < until:
            await asyncio.sleep(min(1.0 - now % 1.0, until - now))
        return status

    async def stages(self, task: TaskId, *, after: int = 0, wait: float = 0.0) -> TaskStages:
        """Return the exact stages of a task, for its requester; raise NotFound.

        Waits up to ``wait`` seconds, MAX_WAIT at most, until there are more than ``after`` stages.
        """
        until = self._clock() + min(max(wait, 0.0), MAX_WAIT)
        while len(history := self._state.current.task(task).history) <= after and (left := until - self._clock()) > 0:
            await self._state.wait_for_change(left)
        return TaskStages(history=history)

    def failures(self, task: TaskId) -> tuple[AttemptFailure, ...]:
        """Return why the attempts of a task ended, for its requester; raise NotFound."""
        return failures_of(self._state.current.task(task), self._key.address)

    def lost_by(self, task: TaskId) -> tuple[tuple[Address, int], ...]:
        """Return the workers that ended a task without a result, and when, in whole seconds; raise NotFound."""
        return tuple((worker, int(at)) for worker, at in self._state.current.task(task).losses)

    def requester(self, task: TaskId) -> Address:
        """Return the requester of a task; raise NotFound."""
        state = self._state.current
        return state.deals[state.task(task).deal].requester

    def login(self, call: SignedCall) -> WorkerLoginReply:
        """Open a session for a worker."""
        return self._sessions.open(call, at=self._clock())

    async def next_job(self, call: SessionCall) -> JobAssignment | None:
        """Return a task for this worker as soon as there is one, or None after its ``wait`` seconds."""
        worker, request = self._verify(call, "/jobs/next", NextJob)
        until = self._clock() + min(max(request.wait, 0.0), MAX_WAIT)
        while True:
            now = self._clock()
            answers = self._state.apply(JobRequested(at=now, worker=worker, chain_now=self._chain_clock.now(now)))
            if answers:
                return self._job(answers[0])
            if now >= until:
                return None
            await self._state.wait_for_change(min(RECHECK_SECONDS, until - now))

    def authorise(self, call: SessionCall) -> AuthoriseReply:
        """Authorise an enclave of the task's worker; idempotent for the same enclave."""
        worker, request = self._verify(call, "/jobs/authorisation", AuthoriseRequest)
        proposal = EnclaveProposed(
            at=self._clock(), task=request.task, worker=worker, enclave=_enclave(request.enclave)
        )
        authorization, reassign = None, None
        for answer in self._state.apply(proposal):
            if isinstance(answer, SignAuthorisation):
                message = poco_authorisation(answer.worker, answer.task, answer.enclave)
                signature = self._key.sign(personal_digest(message))
                authorization = Authorization(
                    task=answer.task, worker=answer.worker, enclave=answer.enclave, signature=signature
                )
            elif isinstance(answer, SignReassign):
                statement = Reassign(
                    task=answer.task, attempt=answer.attempt, worker=answer.worker, enclave=answer.enclave
                )
                signature = statement.sign(self._workers.domain, self._key)
                reassign = SignedReassign(reassign=statement, signature=signature)
        assert authorization is not None
        return AuthoriseReply(authorization=authorization, reassign=reassign)

    def report(self, call: SessionCall) -> None:
        """Apply a worker's stage report."""
        worker, message = self._verify(call, "/jobs/stage", StageReport)
        self._state.apply(
            StageReported(
                at=self._clock(),
                task=message.task,
                worker=worker,
                stage=message.stage,
                detail=message.detail[:200],
                check=message.check[:16],
            )
        )

    def _verify(self, call: SessionCall, path: str, payload: type[P]) -> tuple[Address, P]:
        worker, message = self._sessions.verify(call, path, payload, at=self._clock())
        self._last_call[worker] = self._clock()
        return worker, message

    def _job(self, answer: Answer) -> JobAssignment:
        assert isinstance(answer, AssignTask)
        task = self._state.current.task(answer.task)
        deal = self._state.current.deals[task.deal]
        return JobAssignment(
            deal=task.deal,
            task=task.task,
            index=task.index,
            app=deal.app,
            app_digest=deal.app_digest,
            bundle=deal.bundle,
            contribution_deadline=deal.contribution_deadline,
        )


def _enclave(text: Address) -> Address:
    try:
        enclave = to_address(text)
    except ValueError as error:
        raise InputRefused(f"the enclave address is not a valid Ethereum address: {error}.") from error
    if enclave == ZERO_ADDRESS:
        raise InputRefused("the zero address is not a valid enclave.")
    return enclave
