"""Messages of a pool's API, and its client."""

from typing import Final, Literal

from sealgrid.attestation.field_types import Count, HexAddress, HexDigest
from sealgrid.poco.tags import TEE_TAG
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
    "contributing",
    "revealing",
    "completed",
    "failed",
    "refunded",
]
MAX_LISTED: Final = 64  #: files, apps and requesters that a worker names in one call
PublicStage = Literal["waiting", "working", "completed", "failed", "refunded"]


class SignedCall(Message, frozen=True, kw_only=True):
    """A worker's message, signed: WorkerCall over sha256(payload)."""

    worker: Address
    issued: int
    signature: bytes
    payload: bytes


class StageReport(Message, frozen=True, kw_only=True):
    """Payload: the stage of a job."""

    task: TaskId
    fence: int  #: of the assignment that the report is about
    stage: Stage
    detail: str = ""
    check: str = ""  #: with "failed": number of the vaults' check that refused, as the worker reports


class WorkerCapabilities(Message, frozen=True, kw_only=True):
    """What a worker's machine has, and which jobs it takes; by default it takes any job for an enclave."""

    tag: HexDigest = TEE_TAG  #: bits of PoCo's tags that it meets
    memory: Count = 0  #: bytes that one app may have; 0 for any
    cached: tuple[HexDigest, ...] = ()  #: bundles and sealed files that it has, most recently used first
    apps: tuple[HexAddress, ...] = ()  #: that it runs; empty for all
    requesters: tuple[HexAddress, ...] = ()  #: for whom it runs jobs; empty for all
    enclaves_only: bool = False  #: whether it takes no job without an enclave


class NextJob(Message, frozen=True, kw_only=True):
    """Payload: report stages and request jobs; the reply waits up to ``wait`` seconds for the first job."""

    wait: float = 20.0
    slots: int = 1  #: jobs that the worker can start; with 0 the reply does not wait
    capabilities: WorkerCapabilities = WorkerCapabilities()
    reports: tuple[StageReport, ...] = ()


class PublicJob(Message, frozen=True, kw_only=True):
    """What a worker runs for a task without an enclave. All of it is public."""

    params: str  #: of the request, with the digest of its input
    bot_first: int  #: index of the deal's first task
    bot_size: int  #: number of the deal's tasks
    stake: int  #: nRLC that the worker's contribution locks
    final_deadline: int  #: by the chain's clock, in Unix seconds


class CommitRequest(Message, frozen=True, kw_only=True):
    """Payload: commit to the result of a task without an enclave; the reply waits up to ``wait`` seconds for news.

    The worker repeats it until the reply's step is "end".
    """

    task: TaskId
    fence: int  #: of the assignment
    result_hash: Digest  #: PoCo's, of task and result
    result_seal: Digest  #: PoCo's, of worker, task and result
    wait: float = 0.0


class CommitReply(Message, frozen=True, kw_only=True):
    """What the worker does next: wait, contribute with the pool's authorisation, reveal, or end."""

    step: Literal["wait", "contribute", "reveal", "end"]
    authorisation: bytes = b""  #: with "contribute": the signature of the pool's owner, without an enclave


class JobAssignment(Message, frozen=True, kw_only=True):
    """One task for this worker."""

    deal: DealId
    task: TaskId
    index: int
    fence: int  #: number of this assignment of the task
    app: Address
    app_digest: Digest
    bundle: str  #: /ipfs/<cid> of the app's bundle
    contribution_deadline: int
    public: PublicJob | None = None  #: of a task without an enclave


class RefusedReport(Message, frozen=True, kw_only=True):
    """A report that the pool refused: the worker does not have the task any more, or never had it."""

    task: TaskId
    fence: int
    reason: str


class JobReply(Message, frozen=True, kw_only=True):
    """Jobs, none after the wait, and the reports of the call that were refused."""

    jobs: tuple[JobAssignment, ...] = ()
    refused: tuple[RefusedReport, ...] = ()


class AuthoriseRequest(Message, frozen=True, kw_only=True):
    """Payload: request the authorisation of an enclave."""

    task: TaskId
    fence: int  #: of the assignment
    enclave: Address
    account: Address | None = None  #: that the worker works for, as its delegate


class ForwardRequest(Message, frozen=True, kw_only=True):
    """Payload: publish the result of a job as the worker's account; the pool sends the transaction and pays its gas.

    The worker repeats it until the chain has the result.
    """

    task: TaskId
    fence: int  #: of the assignment
    account: Address
    call: bytes  #: calldata for the hub: contributeAndFinalize of the task
    expiry: int  #: of the signature, Unix seconds by the chain's clock
    signature: bytes  #: of the AccountCall, by the worker's key


class ForwardReply(Message, frozen=True, kw_only=True):
    """Why the chain did not take the result when the pool tried last; empty while it is under way or was not tried."""

    refusal: str = ""
    final: bool = False  #: whether the pool does not try again


class AuthoriseReply(Message, frozen=True, kw_only=True):
    """The pool owner's authorisation, with the reassignment when this is not the task's first enclave.

    With an account both are about the account, and ``upload`` lets the worker itself upload the result.
    """

    authorization: Authorization
    reassign: SignedReassign | None = None
    upload: bytes = b""  #: the authorisation's signature for the worker's own address


class StageAt(Message, frozen=True, kw_only=True):
    """When a task reached a stage, by the pool's clock: exact for its requester, in coarse stages for others."""

    stage: Stage | PublicStage
    at: float  #: Unix seconds; whole seconds of a public stage
    detail: str = ""  #: the worker's text, empty in public; of a refusal the vaults' sentence, also in public
    check: str = ""  #: with "failed": number of the check by which the vaults refuse the deal, as they answered


class TaskStages(Message, frozen=True, kw_only=True):
    """Every stage of a task, for its requester alone."""

    history: tuple[StageAt, ...]


class PublicTaskStatus(Message, frozen=True, kw_only=True):
    """Public status of a task: coarse stages in whole seconds; exact times could reveal what an app read."""

    task: TaskId
    deal: DealId
    index: int
    worker: Address | None
    enclave: Address | None
    attempt: int
    history: tuple[StageAt, ...]


class QueueView(Message, frozen=True, kw_only=True):
    """How many tasks a pool has."""

    waiting: int  #: for a worker
    working: int  #: with a worker
    completed: int  #: in the last minute
    refunded: int  #: in the last minute


class PoolView(Message, frozen=True, kw_only=True):
    """A pool's identity, machines and queue."""

    workerpool: Address
    owner: Address
    workers: int  #: workers with a call in the last minute
    seconds: int  #: the pool's clock, Unix seconds; workers sign by it
    machines: tuple[OfferedMachine, ...] = ()  #: machine kinds of its workers, as its owner configured
    accounts: tuple[Address, ...] | None = None  #: worker accounts whose results it sends; None for all
    queue: QueueView | None = None  #: some seconds old


class PoolClient:
    """Client of a pool's API."""

    def __init__(self, transport: AuthorisedTransport) -> None:
        self._transport = transport

    async def view(self) -> PoolView:
        """Return the pool's identity and machines."""
        return await call(self._transport, "GET", "/pool", None, PoolView)

    async def task(self, task: TaskId, *, after: int = 0, wait: float = 0.0) -> PublicTaskStatus:
        """Return the public status of a task.

        The pool answers once there are more than ``after`` public stages, or ``wait`` seconds have passed.
        """
        path = f"/tasks/{task}/status" + (f"?after={after}&wait={wait}" if wait else "")
        return await call(self._transport, "GET", path, None, PublicTaskStatus)

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
        """Open a session; the payload is a WorkerLogin."""
        return await call(self._transport, "POST", "/jobs/login", request, WorkerLoginReply)

    async def next_jobs(self, request: SessionCall) -> JobReply:
        """Report stages and request jobs."""
        return await call(self._transport, "POST", "/jobs/next", request, JobReply)

    async def authorise(self, request: SessionCall) -> AuthoriseReply:
        """Request PoCo's authorisation of an enclave."""
        return await call(self._transport, "POST", "/jobs/authorisation", request, AuthoriseReply)

    async def forward(self, request: SessionCall) -> ForwardReply:
        """Have a result published as the worker's account."""
        return await call(self._transport, "POST", "/jobs/forward", request, ForwardReply)

    async def commit(self, request: SessionCall) -> CommitReply:
        """Commit to a result of a task without an enclave."""
        return await call(self._transport, "POST", "/jobs/commitment", request, CommitReply)

    async def report(self, request: SessionCall) -> None:
        """Report the stage of a job."""
        await self._transport.request("POST", "/jobs/stage", encode(request))
