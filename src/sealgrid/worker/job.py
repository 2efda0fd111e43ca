"""One job of a worker: launch the enclave, run its errands, hand its result to the chain."""

import asyncio
import contextlib
import itertools
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import msgspec

from sealgrid.attestation.field_types import IpfsAddress
from sealgrid.chain.matches import MatchRecord
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import HostFailed, NotFound, ReleaseRefused, SealgridError
from sealgrid.poco.orders import RequestOrder, from_document, to_document
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.storage.content_folder import ContentFolder, IncomingFile
from sealgrid.storage.file_store import FileStore
from sealgrid.storage.local_files import fetch
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage.verifying_reader import VerifyingReader
from sealgrid.units import Address, Digest, TaskId, to_bytes, to_digest
from sealgrid.wire.iexec_sms import IexecSmsClient, RegisteredResultKey
from sealgrid.wire.market import MarketClient
from sealgrid.wire.message import Transport
from sealgrid.wire.platform import LaunchRequest, PlatformClient
from sealgrid.wire.pool import AuthoriseReply, JobAssignment, Stage
from sealgrid.wire.relay import EnclaveFailure, RelayHello, RelayWelcome, ResultDelivery
from sealgrid.wire.storage import StorageClient, WorkerProof
from sealgrid.wire.vault import MOST_LIST_BYTES, BulkDocuments, MatchedOrder
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.exposure_log import ExposureLog
from sealgrid.worker.finalizer import Finalizer
from sealgrid.worker.relay import RelayServer
from sealgrid.worker.wheel_index import WheelFolders

BUNDLE = "bundle"  #: how the enclave names the app's bundle
ENCLAVE_SECONDS = 3600.0  #: no enclave is waited for longer, whatever its deadline


class JobPoolClient(Protocol):
    """What a job asks of its pool (see worker.poolside.PoolSide)."""

    @property
    def worker(self) -> Address:
        """Return the worker's address."""

    async def authorise(self, task: TaskId, enclave: Address) -> AuthoriseReply:
        """Have an enclave authorised."""

    async def report(self, task: TaskId, stage: Stage, detail: str, *, check: str = "") -> None:
        """Tell how far the job is."""


_log = logging.getLogger("sealgrid")


@dataclass(frozen=True, slots=True)
class JobContext:
    """What every job of this worker shares."""

    config: WorkerConfig
    pool: JobPoolClient
    chain: Finalizer
    platform: PlatformClient
    storage: FileStore
    source: VerifyingReader
    cache: ContentFolder
    wheels: WheelFolders
    vaults: tuple[Transport, ...]
    by_address: Callable[[str], Awaitable[bytes]]  #: a small file, by the address that IPFS nodes give it
    sms: IexecSmsClient | None = None
    market: MarketClient | None = None
    nodes: tuple[StorageClient, ...] = ()  #: where results go; with none, to ``storage``

    def serving(self, pool: JobPoolClient) -> "JobContext":
        """Return the same workshop for jobs of another pool."""
        return replace(self, pool=pool)


class JobRun:
    """The errands of one job (see worker.relay.Errands), and the order of its steps."""

    def __init__(self, job: JobAssignment, workshop: JobContext) -> None:
        self.job, self._shop = job, workshop
        self.seen = ExposureLog()
        self._uploads: dict[str, IncomingFile] = {}
        self._numbers = itertools.count()
        self.enclave: Address | None = None  #: whom the pool authorised
        self._pool_signature = b""
        self._matching: asyncio.Task[MatchRecord | None] | None = None
        self._stage: Stage = "assigned"
        self._reports: set[asyncio.Task[None]] = set()
        self._reporting = asyncio.Lock()  # first come, first served: the pool hears of stages in their order

    async def run(self) -> None:
        """Run the job to its end; raise SealgridError when it ends without a result."""
        await self._find(BUNDLE)
        self._matching = asyncio.create_task(self._shop.chain.matched(self.job))
        server = RelayServer(self)
        folder = Path(tempfile.mkdtemp(prefix="sealgrid-"))
        listening = await asyncio.start_unix_server(server.connected, folder / "relay", limit=1 << 20)
        instance = None
        try:
            instance = (await self._shop.platform.launch(self._launch(folder / "relay"))).instance
            self.report("launched")
            outcome = await asyncio.wait_for(server.outcome(), ENCLAVE_SECONDS)
            await self._end(outcome)
        finally:
            if instance is not None:
                with contextlib.suppress(SealgridError):
                    await self._shop.platform.stop(instance)
            self._matching.cancel()
            listening.close()
            shutil.rmtree(folder, ignore_errors=True)
            for unfinished in self._uploads.values():
                unfinished.discard()
            self._note_what_was_seen()

    async def finalize(self, delivery: ResultDelivery) -> None:
        """Have PoCo judge and pay."""
        if self.enclave is None:
            raise HostFailed("an enclave delivered before it said hello.")
        self.report("settled", f"{len(delivery.verdicts)} verdicts")
        self.report("finalizing")
        await self._shop.chain.finalize(self.job, self.enclave, self._pool_signature, delivery)

    # Errands of the enclave

    async def authorise(self, hello: RelayHello) -> RelayWelcome:
        """Have the pool authorise the enclave."""
        reply, found, result_key, bulk = await asyncio.gather(
            self._shop.pool.authorise(self.job.task, hello.enclave), self._found(), self._registered(), self._bulk()
        )
        self.enclave, self._pool_signature = hello.enclave, reply.authorization.signature
        return RelayWelcome(
            authorization=reply.authorization,
            reassign=reply.reassign,
            request=await self._request(found),
            matched=_dataset_order(found),
            result_key=result_key,
            bulk=bulk,
        )

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        """Carry one attested request."""
        answer = await self._shop.vaults[index].request("POST", path, body)
        self.seen.note(f"request to vault {index + 1}: {path}", body)
        self.seen.note(f"answer of vault {index + 1}: {path}", answer)
        return answer

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of the bundle, of a wheel, or of a sealed file."""
        path = await self._find(name)
        with path.open("rb") as file:
            file.seek(offset)
            piece = file.read(length)
        if offset == 0:
            self.seen.note(f"file {name if name == BUNDLE else path.name}, {path.stat().st_size} bytes", piece)
        return piece

    async def begin(self) -> str:
        """Start a file of the enclave's."""
        name = f"upload-{next(self._numbers)}"
        self._uploads[name] = self._shop.cache.begin()
        return name

    async def append(self, upload: str, piece: bytes) -> None:
        """Add a piece to it."""
        self._upload(upload).write(piece)

    async def finish(self, upload: str) -> Digest:
        """Store it in the cache and on the storage node."""
        sha256 = self._upload(upload).store()
        del self._uploads[upload]
        path = self._shop.cache.path(sha256)
        with path.open("rb") as file:
            self.seen.note("file from the enclave", file.read(1 << 20))
        await self._result_store().put_file(path)
        return sha256

    def report(self, stage: Stage, detail: str = "", *, check: str = "") -> "asyncio.Task[None]":
        """Tell the pool how far the job is, after what it was told before; the job need not wait for that.

        A pool that is away does not end the job.
        """
        self._stage = stage
        task = asyncio.create_task(self._report(stage, detail, check))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)
        return task

    @property
    def abandonable(self) -> bool:
        """Tell whether nothing was sent to the chain yet, so that ending the job loses nothing."""
        return self._stage not in {"finalizing", "completed"}

    async def repeat_stage(self) -> None:
        """Tell the pool that the job is still where it was."""
        await self.report(self._stage)

    # Inside

    async def _report(self, stage: Stage, detail: str, check: str) -> None:
        async with self._reporting:
            with contextlib.suppress(SealgridError):
                await self._shop.pool.report(self.job.task, stage, detail, check=check)

    async def _end(self, outcome: ResultDelivery | EnclaveFailure) -> None:
        if isinstance(outcome, EnclaveFailure):
            if outcome.kind == "refused":
                raise ReleaseRefused(outcome.check, outcome.reason)
            raise HostFailed(outcome.reason)
        for vault in outcome.liars:
            _log.warning("task %s: vault %s gave what does not hold; the others were enough.", self.job.task, vault)
        await self.finalize(outcome)
        await self.report("completed")

    async def _found(self) -> MatchRecord | None:
        # Without the orders vaults and enclave say what is missing.
        try:
            return None if self._matching is None else await self._matching
        except SealgridError as error:
            _log.warning("task %s: the orders of its deal were not found: %s", self.job.task, error.message)
            return None

    async def _request(self, found: MatchRecord | None) -> RequestDocument | None:
        # Where the hub was called by a contract that makes the order itself, no calldata hold it; a market may.
        if found is None or found.request is not None or self._shop.market is None:
            return None if found is None or found.request is None else RequestDocument.of(found.request)
        try:
            published = await self._shop.market.order("requestorders", found.request_hash)
            return RequestDocument.of(from_document(RequestOrder, published.order))
        except SealgridError as error:
            _log.warning("task %s: its request order was not found: %s", self.job.task, error.message)
            return None

    async def _registered(self) -> RegisteredResultKey | None:
        # Without it the vaults say what is missing; what else went wrong must not be what a job fails of.
        try:
            reader = await self._shop.chain.reader_of_result(self.job)
            return None if reader is None or self._shop.sms is None else await self._shop.sms.result_key(reader)
        except SealgridError as error:
            _log.warning("task %s: the key for its result was not found: %s", self.job.task, error.message)
            return None

    async def _bulk(self) -> BulkDocuments | None:
        # Without it the vaults say what is missing; a slice that the list lacks is theirs to refuse, too.
        try:
            place = await self._shop.chain.slice_of(self.job)
            if place is None:
                return None
            root = await self._list(place[0])
            slices = _addresses(root)
            own = await self._list(slices[place[1]]) if place[1] < len(slices) else b""
            return BulkDocuments(block=await self._shop.chain.confirmed_block(), root=root, slice=own)
        except SealgridError as error:
            _log.warning("task %s: its list of datasets was not found: %s", self.job.task, error.message)
            return None

    async def _list(self, cid: str) -> bytes:
        # One byte more than is taken, so that the vaults say why not.
        return (await self._shop.by_address(cid))[: MOST_LIST_BYTES + 1]

    def _launch(self, relay: Path) -> LaunchRequest:
        network = self._shop.config.network
        return LaunchRequest(
            app_digest=self.job.app_digest,
            task=self.job.task,
            worker=self._shop.pool.worker,
            chain=network.chain,
            hub=network.hub,
            broker=network.broker,
            vaults=network.vaults,
            threshold=network.threshold,
            relay=str(relay),
        )

    async def _find(self, name: str) -> Path:
        if name == BUNDLE:
            bundle = digest_of_cid(self.job.bundle.removeprefix("/ipfs/"))
            return await fetch(bundle, self._shop.source, self._shop.cache)
        try:
            sha256 = to_digest(name)
        except ValueError as error:
            raise NotFound(f"{name[:80]!r} names no file.") from error
        wheel = await self._shop.wheels.path(sha256)
        return wheel or await fetch(sha256, self._shop.source, self._shop.cache)

    def _result_store(self) -> FileStore:
        if not self._shop.nodes or self.enclave is None:
            return self._shop.storage
        proof = WorkerProof(enclave=self.enclave, signature=self._pool_signature)
        return RemoteFiles(*(node.for_result(self.job.task, proof) for node in self._shop.nodes))

    def _upload(self, name: str) -> IncomingFile:
        if name not in self._uploads:
            raise NotFound(f"no upload {name[:80]!r} is going on.")
        return self._uploads[name]

    def _note_what_was_seen(self) -> None:
        folder = self._shop.config.folder / "jobs"
        folder.mkdir(parents=True, exist_ok=True)
        notes_of(folder, self.job.task).write_bytes(self.seen.encode())


def _dataset_order(found: MatchRecord | None) -> MatchedOrder | None:
    if found is None or found.dataset is None:
        return None
    return MatchedOrder(block=found.block, order=to_document(found.dataset))


def _addresses(root: bytes) -> list[str]:
    try:
        return msgspec.json.decode(root, type=list[IpfsAddress])
    except UNREADABLE:
        return []


def notes_of(folder: Path, task: TaskId) -> Path:
    """Return where a worker keeps its list of what a job let it see; raise ValueError for what is no task's id."""
    return folder / f"0x{to_bytes(task, 32).hex()}.json"  # the id is the pool's word
