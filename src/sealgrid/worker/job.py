"""One job: launch the enclave, serve its requests, and finalize its result on chain."""

import asyncio
import contextlib
import itertools
import logging

import msgspec

from sealgrid.attestation.field_types import IpfsAddress
from sealgrid.chain.matches import MatchRecord
from sealgrid.errors import DECODE_ERRORS, FileTooLarge, HostFailed, NotFound, ReleaseRefused, SealgridError
from sealgrid.poco.orders import RequestOrder, from_document, to_document
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.storage.atomic_file import atomic_writer
from sealgrid.storage.content_folder import IncomingFile
from sealgrid.units import Address, Digest
from sealgrid.wire.iexec_sms import RegisteredResultKey, ResultKeyRequest
from sealgrid.wire.platform import LaunchRequest
from sealgrid.wire.pool import JobAssignment, Stage
from sealgrid.wire.relay import ComputedArchive, EnclaveFailure, RelayHello, RelayWelcome, ResultDelivery
from sealgrid.wire.storage import WorkerProof
from sealgrid.wire.vault import MAX_LIST_BYTES, Authorization, BulkDocuments, MatchedOrder
from sealgrid.worker.enclave_connection import EnclaveConnection
from sealgrid.worker.enclave_files import BUNDLE, EnclaveFiles
from sealgrid.worker.exposure_log import ExposureLog, exposure_file
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.relay import RelayServer
from sealgrid.worker.warm_enclaves import WarmEnclave

RESULT_MISSING = "settle.5"  #: a vault's check that the storage nodes have the result
ENCLAVE_SECONDS = 3600.0  #: longest run of an enclave, also with a later deadline


_log = logging.getLogger("sealgrid")


class JobRun:
    """Runs one job and serves its enclave's requests (see ``EnclaveRequests``)."""

    def __init__(self, job: JobAssignment, context: JobContext, warm: WarmEnclave | None = None) -> None:
        """``warm`` is an enclave that gets this task if it can; otherwise another one is launched."""
        self.job, self._context, self._warm = job, context, warm
        self.exposures = ExposureLog() if warm is None else warm.exposures
        self._files = EnclaveFiles(job.bundle, context.source, context.cache, context.wheels, self.exposures)
        self._uploads: dict[str, IncomingFile] = {}
        self._stored: list[Digest] = []  #: files of the result
        self._storing_again: asyncio.Future[list[None]] | None = None
        self._numbers = itertools.count()
        self.enclave: Address | None = None  #: which the pool authorised
        self._pool_signature = b""
        self._upload_signature = b""
        self._match_search: asyncio.Task[MatchRecord | None] | None = None
        self._stage: Stage = "assigned"
        self._reports: set[asyncio.Task[None]] = set()
        self._report_lock = asyncio.Lock()  # first in, first out: stages reach the pool in order

    async def run(self) -> None:
        """Run the job to its end; raise SealgridError when it ends without a result."""
        await self._files.path(BUNDLE)
        self._match_search = asyncio.create_task(self._context.chain.find_match(self.job))
        connection = EnclaveConnection(self._context.platform, RelayServer(self), self._context.config.folder)
        try:
            if self._warm is not None and await self._assign(self._warm.connection):
                connection = self._warm.connection
            else:
                await connection.launch(self._launch_request())
            self.report("launched")
            async with asyncio.timeout(ENCLAVE_SECONDS):
                outcome = await connection.outcome()
            await self._finish_job(outcome)
        finally:
            self._match_search.cancel()
            self._write_exposures()
            await connection.close()
            for unfinished in self._uploads.values():
                unfinished.discard()

    def _write_exposures(self) -> None:
        logs = self._context.config.folder / "jobs"
        try:
            logs.mkdir(parents=True, exist_ok=True)
            with atomic_writer(exposure_file(logs, self.job.task), durable=False) as file:
                file.write(self.exposures.encode())
        except OSError as error:  # of a full disk; the enclave must be stopped in any case
            _log.warning("task %s: its exposure log cannot be written (%s)", self.job.task, error.strerror)

    async def _assign(self, warm: EnclaveConnection) -> bool:
        """Give the task to an enclave that waits for one; return whether it has it now."""
        warm.server.assign(self)
        try:
            await warm.assign(self._launch_request())
        except SealgridError as error:
            _log.warning("task %s: another enclave is launched, since %s", self.job.task, error.message)
            await warm.close()  # the platform may have given it the task, and its answer was lost
            return False
        return True

    async def finalize(self, delivery: ResultDelivery) -> None:
        """Submit the result to PoCo, which verifies and pays."""
        if self.enclave is None:
            raise HostFailed("an enclave delivered before it said hello.")
        self.report("settled", f"{len(delivery.verdicts)} verdicts")
        self.report("finalizing")
        await self._context.chain.finalize(self.job, self.enclave, self._pool_signature, delivery)

    # Requests of the enclave

    async def authorise(self, hello: RelayHello) -> RelayWelcome:
        """Return the pool's authorisation and the documents of the deal."""
        reply, match, bulk = await asyncio.gather(
            self._context.pool.authorise(self.job.task, self.job.fence, hello.enclave),
            self._match(),
            self._bulk_documents(),
        )
        self.enclave, self._pool_signature = hello.enclave, reply.authorization.signature
        self._upload_signature = reply.upload or self._pool_signature
        matched = None
        if match is not None and match.dataset is not None:
            matched = MatchedOrder(block=match.block, order=to_document(match.dataset))
        return RelayWelcome(
            authorization=reply.authorization,
            reassign=reply.reassign,
            request=await self._request_document(match),
            matched=matched,
            result_key=await self._result_key(reply.authorization),
            bulk=bulk,
        )

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        """Forward one attested request to a vault.

        A storage node that was down when the result was stored may answer the vault now: the result is then stored
        again, once for all vaults, and the request repeated.
        """
        vault = self._context.vaults[index]
        try:
            answer = await vault.request("POST", path, body)
        except ReleaseRefused as refused:
            if refused.check != RESULT_MISSING or not self._stored:
                raise
            if self._storing_again is None:
                self._storing_again = asyncio.gather(*map(self._store, self._stored))
            try:
                await self._storing_again
            except SealgridError as error:
                _log.warning("task %s: its result cannot be stored again: %s", self.job.task, error.message)
                raise refused from error
            answer = await vault.request("POST", path, body)
        self.exposures.record(f"request to vault {index + 1}: {path}", body)
        self.exposures.record(f"answer of vault {index + 1}: {path}", answer)
        return answer

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of the bundle, of a wheel, or of a sealed file."""
        return await self._files.read(name, offset, length)

    async def begin(self) -> str:
        """Start an upload; return its name."""
        name = f"upload-{next(self._numbers)}"
        self._uploads[name] = self._context.cache.begin()
        return name

    async def append(self, upload: str, piece: bytes) -> None:
        """Append a piece to an upload."""
        self._upload(upload).write(piece)

    async def finish(self, upload: str) -> Digest:
        """Complete an upload: store it in the cache and on the storage nodes."""
        sha256 = self._upload(upload).store()
        del self._uploads[upload]
        with self._context.cache.path(sha256).open("rb") as file:
            self.exposures.record("file from the enclave", file.read(1 << 20))
        await self._store(sha256)
        self._stored.append(sha256)
        return sha256

    def report(self, stage: Stage, detail: str = "", *, check: str = "") -> "asyncio.Task[None]":
        """Report a stage to the pool in the background, after all earlier reports.

        An unreachable pool does not end the job.
        """
        self._stage = stage
        self._context.on_stage(self.job.task, stage)
        task = asyncio.create_task(self._report(stage, detail, check))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)
        return task

    @property
    def is_cancellable(self) -> bool:
        """Return whether nothing was sent to the chain yet, so cancelling the job loses nothing."""
        return self._stage not in {"finalizing", "completed"}

    async def repeat_stage(self) -> None:
        """Report the current stage again, which renews the lease; while the app waits for its files, with progress."""
        detail = self._files.progress if self._stage in {"assigned", "launched", "attested", "released"} else ""
        await self.report(self._stage, detail)

    async def remove_altered_files(self) -> None:
        """Remove files that the disk altered from the cache: after a failed job, the next one fetches them again."""
        await self._files.remove_altered()

    async def _store(self, sha256: Digest) -> None:
        """Send a file of the result to the storage nodes."""
        proof = WorkerProof(enclave=self.enclave, signature=self._upload_signature) if self.enclave else None
        await self._context.result_store(self.job.task, proof).put_file(self._context.cache.path(sha256))

    async def _report(self, stage: Stage, detail: str, check: str) -> None:
        async with self._report_lock:
            with contextlib.suppress(SealgridError):
                await self._context.pool.report(self.job.task, self.job.fence, stage, detail, check=check)

    async def _finish_job(self, outcome: ResultDelivery | ComputedArchive | EnclaveFailure) -> None:
        if isinstance(outcome, ComputedArchive):
            raise HostFailed("an enclave delivered a result without its proof.")
        if isinstance(outcome, EnclaveFailure):
            if outcome.kind == "refused":
                raise ReleaseRefused(outcome.check, outcome.reason)
            raise HostFailed(outcome.reason)
        for vault in outcome.liars:
            _log.warning(
                "task %s: vault %s sent an invalid answer or share; the others were enough.", self.job.task, vault
            )
        await self.finalize(outcome)
        await self.report("completed")

    async def _match(self) -> MatchRecord | None:
        # On failure the vaults and the enclave report what is missing.
        try:
            return None if self._match_search is None else await self._match_search
        except SealgridError as error:
            _log.warning("task %s: the orders of its deal could not be read: %s", self.job.task, error.message)
            return None

    async def _request_document(self, match: MatchRecord | None) -> RequestDocument | None:
        if match is None:
            return None
        if match.request is not None:
            return RequestDocument.of(match.request)
        if self._context.market is None:
            return None
        # A contract that builds the order itself leaves none in calldata; the market may have it.
        try:
            published = await self._context.market.order("requestorders", match.request_hash)
            return RequestDocument.of(from_document(RequestOrder, published.order))
        except SealgridError as error:
            _log.warning("task %s: its request order was not found: %s", self.job.task, error.message)
            return None

    async def _result_key(self, authorization: Authorization) -> RegisteredResultKey | None:
        # On failure the vaults report what is missing; a failure here must not fail the job.
        try:
            if self._context.sms is None or not await self._context.chain.is_for_registered_key(self.job):
                return None
            request = ResultKeyRequest(
                task=authorization.task,
                worker=authorization.worker,
                enclave=authorization.enclave,
                signature=authorization.signature,
            )
            return await self._context.sms.result_key(request)
        except SealgridError as error:
            _log.warning("task %s: the key for its result could not be read: %s", self.job.task, error.message)
            return None

    async def _bulk_documents(self) -> BulkDocuments | None:
        # On failure the vaults report what is missing; they also refuse a slice that the list lacks.
        try:
            found = await self._context.chain.find_slice(self.job)
            if found is None:
                return None
            cid, index = found
            root = await self._read_list(cid)
            try:
                slices = msgspec.json.decode(root, type=list[IpfsAddress])
            except DECODE_ERRORS:
                slices = []
            own = await self._read_list(slices[index]) if index < len(slices) else b""
            return BulkDocuments(block=await self._context.chain.confirmed_block(), root=root, slice=own)
        except SealgridError as error:
            _log.warning("task %s: its list of datasets could not be read: %s", self.job.task, error.message)
            return None

    async def _read_list(self, cid: str) -> bytes:
        try:
            return await self._context.fetch_by_cid(cid, MAX_LIST_BYTES)
        except FileTooLarge:
            return bytes(MAX_LIST_BYTES + 1)  # the vaults refuse a list by its length first

    def _launch_request(self) -> LaunchRequest:
        network = self._context.config.network
        return LaunchRequest(
            app_digest=self.job.app_digest,
            task=self.job.task,
            worker=self._context.pool.worker,
            chain=network.chain,
            hub=network.hub,
            broker=network.broker,
            vaults=network.vaults,
            threshold=network.threshold,
            relay="",  # the connection knows it
        )

    def _upload(self, name: str) -> IncomingFile:
        if name not in self._uploads:
            raise NotFound(f"there is no upload {name[:80]!r}.")
        return self._uploads[name]
