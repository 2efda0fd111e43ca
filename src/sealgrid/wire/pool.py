"""What workers and requesters say to a pool."""

from typing import Literal

from sealgrid.units import Address, DealId, Digest, TaskId
from sealgrid.wire.challenge import Token, TypedChallenge
from sealgrid.wire.message import AuthorisedTransport, Message, call, decode, encode
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.vault import Authorization, SignedReassign
from sealgrid.wire.worker_session import SessionCall, WorkerLoginReply

Stage = Literal[
    "waiting",
    "assigned",
    "launched",
    "attested",
    "released",
    "running",
    "sealed",
    "settled",
    "finalizing",
    "completed",
    "failed",
    "refunded",
]
PublicStage = Literal["waiting", "working", "completed", "failed", "refunded"]


class SignedCall(Message, frozen=True, kw_only=True):
    """A worker's message, signed: WorkerCall over sha256(payload)."""

    worker: Address
    issued: int
    signature: bytes
    payload: bytes


class NextJob(Message, frozen=True, kw_only=True):
    """Payload: ask for work; the answer waits up to ``wait`` seconds."""

    wait: float = 20.0


class JobAssignment(Message, frozen=True, kw_only=True):
    """One task for this worker."""

    deal: DealId
    task: TaskId
    index: int
    app: Address
    app_digest: Digest
    bundle: str  #: /ipfs/<cid> of the app's bundle
    contribution_deadline: int


class JobReply(Message, frozen=True, kw_only=True):
    """A job, or nothing for now."""

    job: JobAssignment | None = None


class AuthoriseRequest(Message, frozen=True, kw_only=True):
    """Payload: let this enclave contribute."""

    task: TaskId
    enclave: Address


class AuthoriseReply(Message, frozen=True, kw_only=True):
    """The pool owner's authorisation, with the reassignment when this is not the task's first enclave."""

    authorization: Authorization
    reassign: SignedReassign | None = None


class StageReport(Message, frozen=True, kw_only=True):
    """Payload: how far the job is."""

    task: TaskId
    stage: Stage
    detail: str = ""
    check: str = ""  #: with "failed": number of the check by which the vaults refused, as the worker says


class StageAt(Message, frozen=True, kw_only=True):
    """When a task reached a stage, by the pool's clock: exact for its requester, in coarse stages for others."""

    stage: Stage | PublicStage
    at: float  #: Unix seconds; whole seconds of a public stage
    detail: str = ""  #: the worker's own words; empty in public


class TaskStages(Message, frozen=True, kw_only=True):
    """Every stage of a task, for its requester alone."""

    history: tuple[StageAt, ...]


class PublicTaskStatus(Message, frozen=True, kw_only=True):
    """What anyone may know of a task: its stages without their exact times, which could tell what an app read."""

    task: TaskId
    deal: DealId
    index: int
    worker: Address | None
    enclave: Address | None
    attempt: int
    history: tuple[StageAt, ...]


class PoolView(Message, frozen=True, kw_only=True):
    """Which pool this is."""

    workerpool: Address
    owner: Address
    workers: int  #: workers seen in the last minute
    machines: tuple[OfferedMachine, ...] = ()  #: kinds that its workers have, as its owner says


class PoolClient:
    """Speak to a pool."""

    def __init__(self, transport: AuthorisedTransport) -> None:
        self._transport = transport

    async def view(self) -> PoolView:
        """Return which pool this is."""
        return await call(self._transport, "GET", "/pool", None, PoolView)

    async def task(self, task: TaskId) -> PublicTaskStatus:
        """Return how far a task is."""
        return await call(self._transport, "GET", f"/tasks/{task}/status", None, PublicTaskStatus)

    async def challenge(self, chain: int, address: Address) -> str:
        """Return the sentence that an address signs to read its tasks' stages for the next hour."""
        path = f"/tasks/logs/challenge?chainId={chain}&address={address}"
        return (await call(self._transport, "GET", path, None, TypedChallenge)).message.challenge

    async def stages(self, task: TaskId, token: Token, *, after: int = 0, wait: float = 0.0) -> tuple[StageAt, ...]:
        """Return the exact stages of a task; raise CallRefused for a token that is not its requester's.

        The pool answers once there are more than ``after`` stages, or ``wait`` seconds have passed.
        """
        headers, path = {"authorization": str(token)}, f"/tasks/{task}/stages?after={after}&wait={wait}"
        answer = await self._transport.request("GET", path, b"", headers)
        return decode(answer, TaskStages).history

    async def login(self, request: SignedCall) -> WorkerLoginReply:
        """Open a session; the payload is a Login."""
        return await call(self._transport, "POST", "/jobs/login", request, WorkerLoginReply)

    async def next_job(self, request: SessionCall) -> JobAssignment | None:
        """Ask for work."""
        return (await call(self._transport, "POST", "/jobs/next", request, JobReply)).job

    async def authorise(self, request: SessionCall) -> AuthoriseReply:
        """Ask for PoCo's authorisation of an enclave."""
        return await call(self._transport, "POST", "/jobs/authorisation", request, AuthoriseReply)

    async def report(self, request: SessionCall) -> None:
        """Tell how far the job is."""
        await self._transport.request("POST", "/jobs/stage", encode(request))
