"""What a worker says to its pool, signed."""

from collections.abc import Callable

from sealgrid.attestation.statements import WorkerCall
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.units import Address, TaskId, to_digest
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import (
    AuthoriseReply,
    AuthoriseRequest,
    Job,
    NextJob,
    PoolClient,
    SignedCall,
    Stage,
    StageReport,
)


class PoolSide:
    """Speak to one pool as one worker."""

    def __init__(
        self, client: PoolClient, key: SigningKey, domain: Domain, workerpool: Address, clock: Callable[[], int]
    ) -> None:
        self._client, self._key, self._domain = client, key, domain
        self._workerpool, self._clock = workerpool, clock

    @property
    def worker(self) -> Address:
        """Return who speaks."""
        return self._key.address

    async def next_job(self, wait: float) -> Job | None:
        """Ask for work; return None when there was none within ``wait`` seconds."""
        return await self._client.next_job(self._signed(NextJob(wait=wait)))

    async def authorise(self, task: TaskId, enclave: Address) -> AuthoriseReply:
        """Ask the pool to let an enclave contribute."""
        return await self._client.authorise(self._signed(AuthoriseRequest(task=task, enclave=enclave)))

    async def report(self, task: TaskId, stage: Stage, detail: str, *, check: str = "") -> None:
        """Tell how far a job is; ``check`` is the number by which the vaults refused it."""
        await self._client.report(self._signed(StageReport(task=task, stage=stage, detail=detail, check=check)))

    def _signed(self, message: Message) -> SignedCall:
        payload, issued = encode(message), self._clock()
        content = to_digest(sha256(payload))
        call = WorkerCall(pool=self._workerpool, worker=self._key.address, content=content, issued=issued)
        signature = call.sign(self._domain, self._key)
        return SignedCall(worker=self._key.address, issued=issued, signature=signature, payload=payload)
