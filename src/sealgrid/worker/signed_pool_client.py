"""What a worker says to its pool: one signed login an hour, and calls with the session's key."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sealgrid.attestation.statements import WorkerCall
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import SessionEnded
from sealgrid.units import Address, TaskId, to_digest
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import (
    AuthoriseReply,
    AuthoriseRequest,
    JobAssignment,
    NextJob,
    PoolClient,
    SignedCall,
    Stage,
    StageReport,
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
    """Speak to one pool as one worker; it logs in when the pool does not know its session."""

    def __init__(
        self, client: PoolClient, key: SigningKey, domain: Domain, workerpool: Address, clock: Callable[[], int]
    ) -> None:
        self._client, self._key, self._domain = client, key, domain
        self._workerpool, self._clock = workerpool, clock
        self._session: _ClientSession | None = None
        self._logging_in = asyncio.Lock()

    @property
    def worker(self) -> Address:
        """Return who speaks."""
        return self._key.address

    async def next_job(self, wait: float) -> JobAssignment | None:
        """Ask for work; return None when there was none within ``wait`` seconds."""
        return await self._call("/jobs/next", NextJob(wait=wait), self._client.next_job)

    async def authorise(self, task: TaskId, enclave: Address) -> AuthoriseReply:
        """Ask the pool to let an enclave contribute."""
        message = AuthoriseRequest(task=task, enclave=enclave)
        return await self._call("/jobs/authorisation", message, self._client.authorise)

    async def report(self, task: TaskId, stage: Stage, detail: str, *, check: str = "") -> None:
        """Tell how far a job is; ``check`` is the number by which the vaults refused it."""
        message = StageReport(task=task, stage=stage, detail=detail, check=check)
        await self._call("/jobs/stage", message, self._client.report)

    async def _call(self, path: str, message: Message, send: Callable[[SessionCall], Awaitable[T]]) -> T:
        session = self._session or await self._after(None)
        try:
            return await send(session.call(path, message))
        except SessionEnded:  # an hour passed, or the pool was started again
            session = await self._after(session)
            return await send(session.call(path, message))

    async def _after(self, ended: _ClientSession | None) -> _ClientSession:
        async with self._logging_in:  # calls that find a session ended together log in once
            if self._session is None or self._session is ended:
                self._session = await self._log_in()
            return self._session

    async def _log_in(self) -> _ClientSession:
        ephemeral = HpkeKey.generate()
        login = self._signed(WorkerLogin(public=ephemeral.public))
        reply = await self._client.login(login)
        key = ephemeral.open(reply.sealed, login_info(reply.session, login.signature))
        return _ClientSession(reply.session, key)

    def _signed(self, message: Message) -> SignedCall:
        payload, issued = encode(message), self._clock()
        content = to_digest(sha256(payload))
        call = WorkerCall(pool=self._workerpool, worker=self._key.address, content=content, issued=issued)
        signature = call.sign(self._domain, self._key)
        return SignedCall(worker=self._key.address, issued=issued, signature=signature, payload=payload)
