"""Requests of workers and requesters to a pool; signs with the pool owner's key."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from sealgrid.attestation.statements import Reassign, poco_authorisation
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.errors import InputRefused, NotFound
from sealgrid.pool.bonds import WorkerBonds
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.claims import Assignment, WorkerRequest
from sealgrid.pool.dispatcher import Dispatcher
from sealgrid.pool.effects import SignAuthorisation, SignReassign
from sealgrid.pool.events import CallForwarded, EnclaveProposed, ResultCommitted, StageReported
from sealgrid.pool.forwarded_result import check_result
from sealgrid.pool.matching import ACTIVE_SECONDS
from sealgrid.pool.operations import require_task_id
from sealgrid.pool.replication import replicas_of, reply_to
from sealgrid.pool.task import ENDED, MAX_DETAIL, AttemptFailure, PoolTask, failures_of, public_history
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.worker_accounts import WorkerAccounts
from sealgrid.pool.worker_sessions import AllowedWorkers, WorkerSessions
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_address, to_digest
from sealgrid.wire.pool import (
    MAX_LISTED,
    AuthoriseReply,
    AuthoriseRequest,
    CommitReply,
    CommitRequest,
    ForwardReply,
    ForwardRequest,
    JobAssignment,
    JobReply,
    NextJob,
    PoolView,
    PublicJob,
    PublicTaskStatus,
    QueueView,
    RefusedReport,
    SignedCall,
    StageReport,
    TaskStages,
)
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.vault import Authorization, SignedReassign
from sealgrid.wire.worker_session import SessionCall, WorkerLoginReply

QUEUE_SECONDS: Final = 2.0  #: for which counts of tasks are kept
MAX_WAIT: Final = 30.0  #: upper bound of a long poll
MAX_REPORTS: Final = 256  #: in one call
_RANDOM: Final = secrets.SystemRandom()  #: a worker must not predict which of its results are compared
#: Commitments that wait for others at one time, of all workers and of one; more are answered at once.
MAX_COMMIT_WAITS: Final = 1024
MAX_COMMIT_WAITS_OF_WORKER: Final = 16
MAX_SLOTS: Final = 64  #: tasks that one call may bring
MAX_CALLS: Final = 10_000  #: workers whose last call is remembered; anybody can join an open pool with many keys

P = TypeVar("P")


class TaskService:
    """Handles the requests of one pool; ``clock`` returns Unix seconds."""

    def __init__(
        self,
        book: TaskBook,
        chain_clock: ChainClock,
        workers: AllowedWorkers,
        key: SigningKey,
        *,
        machines: tuple[OfferedMachine, ...] = (),
        score_of: Callable[[Address], Awaitable[int]] | None = None,
        accounts: WorkerAccounts | None = None,
        bonds: WorkerBonds | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = _RANDOM.random,
    ) -> None:
        self._machines, self._score_of, self._draw = machines, score_of, draw
        self._accounts, self._bonds = accounts, bonds
        self._book, self._workers, self._key = book, workers, key
        self._dispatcher = Dispatcher(book, chain_clock, clock)
        self._clock, self._sessions = clock, WorkerSessions(workers)
        self._queue: QueueView | None = None
        self._queue_at = 0.0
        self._commit_waits = Counter[Address]()
        self._is_draining = False
        self.tail_copies = 0  #: assignments of the last tasks of deals to idle workers, since the start
        self._last_call: dict[Address, float] = {}  # allowed workers only: others are refused before

    def drain(self) -> None:
        """Answer all requests that wait, and let no further one wait or take a task: another replica serves them."""
        self._is_draining = True
        self._dispatcher.drain()
        self._book.wake_waiters()

    def close(self) -> None:
        """Give tasks to no further worker."""
        self._dispatcher.close()

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
            accounts=self._served_accounts(),
        )

    def _served_accounts(self) -> tuple[Address, ...] | None:
        served = frozenset[Address]() if self._accounts is None else self._accounts.served
        return None if served is None else tuple(sorted(served))

    async def view_with_queue(self) -> PoolView:
        """Return the same with the queue as it was at most ``QUEUE_SECONDS`` ago."""
        now = self._clock()
        if self._queue is None or now >= self._queue_at + QUEUE_SECONDS:
            self._queue_at = now  # before the query: others meanwhile get the one before
            self._queue = await self._book.count_tasks(now - 60)
        return msgspec.structs.replace(self.view(), queue=self._queue)

    async def status(self, task: TaskId) -> PublicTaskStatus:
        """Return the public status of a task; raise NotFound."""
        known = await self._book.task(task)
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
        while len((status := await self.status(task)).history) <= after and (now := self._clock()) < until:
            if self._is_draining:
                break
            await asyncio.sleep(min(1.0 - now % 1.0, until - now))
        return status

    async def stages(self, task: TaskId, *, after: int = 0, wait: float = 0.0) -> TaskStages:
        """Return the exact stages of a task, for its requester; raise NotFound.

        Waits up to ``wait`` seconds, MAX_WAIT at most, until there are more than ``after`` stages.
        """
        until = self._clock() + min(max(wait, 0.0), MAX_WAIT)
        while True:
            with self._book.changes_of(task) as change:  # from before the read, so that none is missed
                history = (await self._book.task(task)).history
                left = until - self._clock()
                if len(history) > after or left <= 0 or self._is_draining:
                    return TaskStages(history=history)
                await asyncio.wait([change], timeout=left)

    async def failures(self, task: TaskId) -> tuple[AttemptFailure, ...]:
        """Return why the attempts of a task ended, for its requester; raise NotFound."""
        return failures_of(await self._book.task(task), self._key.address)

    async def lost_by(self, task: TaskId) -> tuple[tuple[Address, int], ...]:
        """Return the workers that ended a task without a result, and when, in whole seconds; raise NotFound."""
        return tuple((worker, int(at)) for worker, at in (await self._book.task(task)).losses)

    async def requester(self, task: TaskId) -> Address:
        """Return the requester of a task; raise NotFound."""
        return (await self._book.deal_of(task)).requester

    def login(self, call: SignedCall) -> WorkerLoginReply:
        """Open a session for a worker."""
        return self._sessions.open(call, at=self._clock())

    async def next_jobs(self, call: SessionCall) -> JobReply:
        """Apply this worker's reports; then return tasks for its free slots as soon as there is one.

        Without a task, or without free slots, it answers after the ``wait`` seconds of the call, or at once. Raises
        CallRefused (join.4) for a worker whose bond is gone, after its reports.
        """
        worker, request = self._verify(call, "/jobs/next", NextJob)
        if len(request.reports) > MAX_REPORTS or not 0 <= request.slots <= MAX_SLOTS:
            raise InputRefused(f"one call has at most {MAX_REPORTS} reports and asks for at most {MAX_SLOTS} tasks.")
        capabilities = request.capabilities
        if max(map(len, (capabilities.cached, capabilities.apps, capabilities.requesters))) > MAX_LISTED:
            raise InputRefused(f"a worker names at most {MAX_LISTED} files, apps and requesters each.")
        # All begin now: the reports are queued first, and the claim can share their transaction.
        applied = asyncio.gather(
            *(self._apply_report(worker, each) for each in request.reports), return_exceptions=True
        )
        answers, assigned = await asyncio.gather(applied, self._claim(worker, request), return_exceptions=True)
        assert not isinstance(answers, BaseException)  # it collects those of the reports
        if isinstance(assigned, BaseException):
            raise assigned
        self.tail_copies += sum(each.task.tail and bool(each.task.copies) for each in assigned)
        refused: list[RefusedReport] = []
        for report, answer in zip(request.reports, answers, strict=True):
            if isinstance(answer, InputRefused | NotFound):
                refused.append(RefusedReport(task=report.task, fence=report.fence, reason=answer.reason))
            elif isinstance(answer, BaseException):
                raise answer
        return JobReply(jobs=tuple(map(job_of, assigned)), refused=tuple(refused))

    async def authorise(self, call: SessionCall) -> AuthoriseReply:
        """Authorise an enclave of the task's worker, or of its account; idempotent for the same enclave."""
        worker, request = self._verify(call, "/jobs/authorisation", AuthoriseRequest)
        paid = worker
        if request.account is not None:  # a result that the delegation outlives would be computed for nobody
            deadline = (await self._book.deal_of(request.task)).contribution_deadline
            paid = await self._require_delegate(request.account, worker, until=deadline)
        proposal = EnclaveProposed(
            at=self._clock(),
            task=require_task_id(request.task),
            worker=worker,
            fence=request.fence,
            enclave=_enclave(request.enclave),
        )
        authorization, reassign, upload = None, None, b""
        for answer in await self._book.apply(proposal):
            if isinstance(answer, SignAuthorisation):
                signature = self._sign_authorisation(paid, answer.task, answer.enclave)
                authorization = Authorization(
                    task=answer.task, worker=paid, enclave=answer.enclave, signature=signature
                )
                if paid != worker:
                    upload = self._sign_authorisation(worker, answer.task, answer.enclave)
            elif isinstance(answer, SignReassign):
                statement = Reassign(task=answer.task, attempt=answer.attempt, worker=paid, enclave=answer.enclave)
                signature = statement.sign(self._workers.domain, self._key)
                reassign = SignedReassign(reassign=statement, signature=signature)
        assert authorization is not None
        return AuthoriseReply(authorization=authorization, reassign=reassign, upload=upload)

    async def forward(self, call: SessionCall) -> ForwardReply:
        """Take a worker's result that the pool sends to the worker's account; idempotent while it is under way.

        Returns why the chain did not take it when the pool tried last.
        """
        worker, request = self._verify(call, "/jobs/forward", ForwardRequest)
        before = await self._book.task(request.task)
        account = await self._require_delegate(request.account, worker)
        forward = check_result(request, worker, account, self._workers.domain.chain)
        await self._book.apply(
            CallForwarded(at=self._clock(), task=before.task, worker=worker, fence=request.fence, forward=forward)
        )
        return before.forward_refusal

    async def _require_delegate(self, account: Address, worker: Address, until: int | None = None) -> Address:
        if self._accounts is None:
            raise InputRefused("this pool pays workers by their own keys only.")
        known = _account(account)
        await self._accounts.require(known, worker, until)
        return known

    def _sign_authorisation(self, worker: Address, task: TaskId, enclave: Address) -> bytes:
        return self._key.sign(personal_digest(poco_authorisation(worker, task, enclave)))

    async def commit(self, call: SessionCall) -> CommitReply:
        """Take a worker's commitment to a result without an enclave; return what it does next.

        The signature that lets it contribute is made when it is its turn, after enough workers agreed.
        """
        worker, request = self._verify(call, "/jobs/commitment", CommitRequest)
        if self._score_of is None:
            raise InputRefused("this pool runs tasks in enclaves only.")
        known = await self._book.task(request.task)
        if known.replication is None or worker not in known.replication.workers:
            await self._book.apply(
                ResultCommitted(
                    at=self._clock(),
                    task=known.task,
                    worker=worker,
                    fence=request.fence,
                    result_hash=_digest(request.result_hash),
                    result_seal=_digest(request.result_seal),
                    score=await self._score_of(worker),
                    replicas=await self._replicas(known, worker),
                )
            )
        waits = self._commit_waits
        if waits.total() >= MAX_COMMIT_WAITS or waits[worker] >= MAX_COMMIT_WAITS_OF_WORKER:
            return await self._reply(known.task, worker)
        waits[worker] += 1
        try:
            return await self._wait_for_reply(known.task, worker, request.wait)
        finally:
            waits[worker] -= 1

    async def _wait_for_reply(self, task: TaskId, worker: Address, wait: float) -> CommitReply:
        until = self._clock() + min(max(wait, 0.0), MAX_WAIT)
        while True:
            with self._book.changes_of(task) as change:  # from before the read, so that none is missed
                reply, left = await self._reply(task, worker), until - self._clock()
                if reply.step != "wait" or left <= 0 or self._is_draining:
                    return reply
                await asyncio.wait([change], timeout=left)

    async def _replicas(self, task: PoolTask, worker: Address) -> int:
        app, promised = (await self._book.deal_of(task.task)).app, self._book.rules.replicas
        agreements = await self._book.run(lambda rows: rows.agreements(worker, app))
        return replicas_of(promised, agreements, self._draw())

    async def _reply(self, name: TaskId, worker: Address) -> CommitReply:
        task = await self._book.task(name)
        assert task.replication is not None
        reply = reply_to(task.replication, worker, ended=task.stage in {*ENDED, "failed"})
        if reply.step != "contribute":
            return reply
        message = poco_authorisation(worker, name, ZERO_ADDRESS)
        return msgspec.structs.replace(reply, authorisation=self._key.sign(personal_digest(message)))

    async def report(self, call: SessionCall) -> None:
        """Apply a worker's stage report."""
        worker, message = self._verify(call, "/jobs/stage", StageReport)
        await self._apply_report(worker, message)

    async def _claim(self, worker: Address, request: NextJob) -> list[Assignment]:
        if not request.slots:
            return []
        if self._bonds is not None:
            await self._bonds.require_of_member(worker)
        waiting = WorkerRequest(worker, request.slots, request.capabilities)
        return await self._dispatcher.next(waiting, min(max(request.wait, 0.0), MAX_WAIT))

    async def _apply_report(self, worker: Address, message: StageReport) -> None:
        await self._book.apply(
            StageReported(
                at=self._clock(),
                task=require_task_id(message.task),
                worker=worker,
                fence=message.fence,
                stage=message.stage,
                detail=message.detail[:MAX_DETAIL],
                check=message.check[:16],
            )
        )

    def _verify(self, call: SessionCall, path: str, payload: type[P]) -> tuple[Address, P]:
        worker, message = self._sessions.verify(call, path, payload, at=self._clock())
        self._last_call.pop(worker, None)  # the newest call is the last entry
        self._last_call[worker] = self._clock()
        if len(self._last_call) > MAX_CALLS:
            del self._last_call[next(iter(self._last_call))]
        return worker, message


def job_of(assignment: Assignment) -> JobAssignment:
    """Return the message that gives a task to its worker."""
    task, deal = assignment.task, assignment.deal
    return JobAssignment(
        deal=task.deal,
        task=task.task,
        index=task.index,
        fence=task.fence,
        app=deal.app,
        app_digest=deal.app_digest,
        bundle=deal.bundle,
        contribution_deadline=deal.contribution_deadline,
        public=None
        if task.replication is None
        else PublicJob(
            params=deal.params,
            bot_first=deal.first,
            bot_size=deal.size,
            stake=deal.stake,
            final_deadline=deal.final_deadline,
        ),
    )


def _account(text: Address) -> Address:
    try:
        return to_address(text)
    except ValueError as error:
        raise InputRefused(f"the account is not a valid Ethereum address: {error}.") from error


def _digest(text: Digest) -> Digest:
    try:
        return to_digest(text)
    except ValueError as error:
        raise InputRefused(f"a commitment has two digests of 32 bytes: {error}.") from error


def _enclave(text: Address) -> Address:
    try:
        enclave = to_address(text)
    except ValueError as error:
        raise InputRefused(f"the enclave address is not a valid Ethereum address: {error}.") from error
    if enclave == ZERO_ADDRESS:
        raise InputRefused("the zero address is not a valid enclave.")
    return enclave
