"""Authenticated pool client of a worker: one signed login per session, then calls with the session's MAC key."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sealgrid.attestation.statements import AccountCall, WorkerCall
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import InputRefused, SessionEnded
from sealgrid.units import Address, Digest, TaskId, to_digest
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import (
    AuthoriseReply,
    AuthoriseRequest,
    CommitReply,
    CommitRequest,
    ForwardReply,
    ForwardRequest,
    JobAssignment,
    JobReply,
    NextJob,
    PoolClient,
    SignedCall,
    Stage,
    StageReport,
    WorkerCapabilities,
)
from sealgrid.wire.worker_session import SessionCall, WorkerLogin, call_mac, login_info

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _ClientSession:
    name: str
    key: bytes = field(repr=False)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, path: str, message: Message) -> SessionCall:
        payload, number = encode(message), next(self.numbers)
        mac = call_mac(self.key, path, number, payload)
        return SessionCall(session=self.name, number=number, mac=mac, payload=payload)


class SignedPoolClient:
    """Calls one pool as one worker; logs in when there is no session or it ended."""

    def __init__(
        self,
        client: PoolClient,
        key: SigningKey,
        domain: Domain,
        workerpool: Address,
        clock: Callable[[], int],
        *,
        account: Address | None = None,
    ) -> None:
        self._client, self._key, self._domain = client, key, domain
        self._workerpool, self._clock, self._account = workerpool, clock, account
        self._offset = 0  # seconds that the pool's clock is ahead of this machine's
        self._session: _ClientSession | None = None
        self._login_lock = asyncio.Lock()

    @property
    def worker(self) -> Address:
        """Return the address that PoCo pays: the account for which this machine works, or that of its key."""
        return self._account or self._key.address

    @property
    def seconds(self) -> int:
        """Return the pool's time, by which a worker signs."""
        return self._clock() + self._offset

    async def synchronise(self) -> None:
        """Measure how far this machine's clock is from the pool's.

        Raises ServiceUnavailable if the pool is silent, InputRefused if it sends no results of the worker's account.
        """
        view = await self._client.view()
        self._offset = view.seconds - self._clock()
        if self._account is not None and view.accounts is not None and self._account not in view.accounts:
            raise InputRefused(
                f"pool {view.workerpool} sends no results of worker account {self._account}; start the worker without "
                "--account, or ask the pool's owner."
            )

    def sign(self, message: Message) -> SignedCall:
        """Sign a message outside a session."""
        payload, issued = encode(message), self.seconds
        content = to_digest(sha256(payload))
        call = WorkerCall(pool=self._workerpool, worker=self._key.address, content=content, issued=issued)
        signature = call.sign(self._domain, self._key)
        return SignedCall(worker=self._key.address, issued=issued, signature=signature, payload=payload)

    async def next_job(self, wait: float, capabilities: WorkerCapabilities | None = None) -> JobAssignment | None:
        """Request a job; return None when there was none within ``wait`` seconds."""
        jobs = (await self.exchange(NextJob(wait=wait, capabilities=capabilities or WorkerCapabilities()))).jobs
        return jobs[0] if jobs else None

    async def exchange(self, message: NextJob) -> JobReply:
        """Report the stages of several jobs, and request jobs for the free slots."""
        return await self._call("/jobs/next", message, self._client.next_jobs)

    async def authorise(self, task: TaskId, fence: int, enclave: Address) -> AuthoriseReply:
        """Request the pool's authorisation of an enclave."""
        message = AuthoriseRequest(task=task, fence=fence, enclave=enclave, account=self._account)
        return await self._call("/jobs/authorisation", message, self._client.authorise)

    async def forward(self, task: TaskId, fence: int, call: AccountCall, signature: bytes) -> ForwardReply:
        """Have the pool publish a result as this machine's account; return why it could not when it tried last."""
        assert self._account is not None
        message = ForwardRequest(
            task=task, fence=fence, account=self._account, call=call.call, expiry=call.expiry, signature=signature
        )
        return await self._call("/jobs/forward", message, self._client.forward)

    async def commit(
        self, task: TaskId, fence: int, result_hash: Digest, result_seal: Digest, *, wait: float
    ) -> CommitReply:
        """Commit to a result without an enclave; return what to do next."""
        message = CommitRequest(task=task, fence=fence, result_hash=result_hash, result_seal=result_seal, wait=wait)
        return await self._call("/jobs/commitment", message, self._client.commit)

    async def report(self, task: TaskId, fence: int, stage: Stage, detail: str, *, check: str = "") -> None:
        """Report the stage of a job; ``check`` is the number of the check by which the vaults refused it."""
        message = StageReport(task=task, fence=fence, stage=stage, detail=detail, check=check)
        await self._call("/jobs/stage", message, self._client.report)

    async def _call(self, path: str, message: Message, send: Callable[[SessionCall], Awaitable[T]]) -> T:
        session = self._session or await self._session_after(None)
        try:
            return await send(session.call(path, message))
        except SessionEnded:  # it expired, or the pool restarted
            session = await self._session_after(session)
            return await send(session.call(path, message))

    async def _session_after(self, ended: _ClientSession | None) -> _ClientSession:
        async with self._login_lock:  # concurrent calls whose session ended log in once
            if self._session is None or self._session is ended:
                self._session = await self._log_in()
            return self._session

    async def _log_in(self) -> _ClientSession:
        ephemeral = HpkeKey.generate()
        call = self.sign(WorkerLogin(public=ephemeral.public))
        reply = await self._client.login(call)
        key = ephemeral.open(reply.sealed, login_info(reply.session, call.signature))
        return _ClientSession(reply.session, key)
