"""Worker: requests jobs from the pool within its limits, and runs them."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import partial

import httpx

from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, ReleaseRefused, SealgridError
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.mirrors import open_mirrors
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import TaskId
from sealgrid.wire.http_transport import READ_SECONDS, HttpTransport
from sealgrid.wire.iexec_sms import IexecSmsClient
from sealgrid.wire.market import MarketClient
from sealgrid.wire.platform import PlatformClient
from sealgrid.wire.pool import JobAssignment, NextJob, PoolClient, WorkerCapabilities
from sealgrid.wire.storage import NODE_SECONDS, StorageClient, TicketSigner
from sealgrid.worker.account_publisher import AccountPublisher, require_delegation
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.finalizer import Finalizer
from sealgrid.worker.job import JobRun
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.limits import MachineUse, WorkLimits
from sealgrid.worker.public_job import CommittedResult, PublicJobRun, follow_commitment, stored_commitments
from sealgrid.worker.relay_folders import remove_relay_folders
from sealgrid.worker.signed_pool_client import SignedPoolClient
from sealgrid.worker.task_checkpoint import TaskCheckpoint
from sealgrid.worker.warm_enclaves import ExpectedApp, WarmEnclave, WarmEnclaves
from sealgrid.worker.wheel_index import WheelIndex
from sealgrid.worker.work_record import WorkRecord, WorkStatus

WAIT_SECONDS = 20.0  #: of one long poll for a job
PAUSE_SECONDS, LONGEST_PAUSE = 0.5, 30.0  #: after a failed request for a job, and after many in a row
CLOSED_SECONDS = 15.0  #: between two checks whether the worker may take jobs now
MAX_CACHED = 32  #: files in its cache that a worker names
HEARTBEAT_SECONDS = 2.0  #: well within a pool's lease

_log = logging.getLogger("sealgrid.worker")


async def run(config: WorkerConfig, ready: Callable[[], None], *, http: httpx.AsyncBaseTransport | None = None) -> None:
    """Run one job at a time until cancelled; ``ready`` is called before the first request for a job.

    ``http`` sends the requests to all services (see ``HttpTransport``).
    """
    async with open_context(config, http) as (context, pool):
        await WorkSession(context, pool, WorkLimits()).run(ready)


class WorkSession:
    """One run of a worker: requests jobs within its limits and runs them, until it is drained.

    One call asks for jobs for all free slots. ``on_job`` is called when a job starts, and with how it ended.
    """

    def __init__(
        self,
        context: JobContext,
        pool: SignedPoolClient,
        limits: WorkLimits,
        *,
        use: Callable[[], MachineUse] = lambda: MachineUse(load=0.0, users=0),
        on_job: Callable[[TaskId, str], None] = lambda task, event: None,
    ) -> None:
        self._record = WorkRecord(context.config.folder, limits.jobs)
        self._context = replace(context, on_stage=self._record.stage)
        self._pool, self._limits, self._use, self._on_job = pool, limits, use, on_job
        self._started, self._idle_since = 0, time.time()
        self._running: set[TaskId] = set()
        self._followed = set[CommittedResult]()
        self._failures = 0  # requests for jobs, in a row
        self._refusal = ""  # of the account for which it works
        self._warm = WarmEnclaves(self._context)
        self._draining, self._changed = asyncio.Event(), asyncio.Event()

    @property
    def status(self) -> WorkStatus:
        """Return what the worker does now and did today."""
        return self._record.status

    def storage_faults(self) -> Mapping[str, float]:
        """Return how often storage nodes failed, by kind."""
        return self._context.health.faults()

    def drain(self) -> None:
        """Take no further job; ``run`` returns when the running ones have ended.

        A job that the pool assigns at this moment is not run; its lease expires, and another worker gets it.
        """
        self._draining.set()
        self._changed.set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Run jobs until the limits are reached or the worker is drained; ``ready`` is called before the first."""
        folder = self._context.config.folder
        remove_relay_folders(folder)  # of a process that was killed
        free = [TaskCheckpoint(folder / (f"slot-{number}" if number else "")) for number in range(self._limits.jobs)]
        for checkpoint in free:
            await checkpoint.report_interrupted(self._pool)
        ready()
        try:
            await self._run_jobs(free)
        finally:
            await self._warm.close()
            remove_relay_folders(folder)

    async def _run_jobs(self, free: list[TaskCheckpoint]) -> None:
        async with asyncio.TaskGroup() as jobs:
            for committed in stored_commitments(self._context.config.folder):
                self._follow(jobs, committed)
            while not self._ends():
                self._changed.clear()
                is_open = self._limits.may_take(time.time(), self._use()) and await self._is_delegate()
                slots = len(free) if is_open else 0
                if self._limits.max_jobs is not None:
                    slots = min(slots, self._limits.max_jobs - self._started)
                if not is_open:
                    await self._warm.close()
                if not slots:
                    await self._pause(CLOSED_SECONDS)
                    continue
                self._warm.fill(slots)
                assigned = await self._next_jobs(slots)
                # The pool repeats an assignment until the job is launched.
                fresh = [job for job in assigned if job.task not in self._running][:slots]
                for job in fresh:
                    self._started += 1
                    self._running.add(job.task)
                    jobs.create_task(self._work(jobs, job, free, free.pop()))
                if assigned and not fresh:
                    await self._pause(PAUSE_SECONDS)

    async def _is_delegate(self) -> bool:
        """Return whether the account for which the worker works lets it work now; log why when that changes."""
        refusal = ""
        if self._context.require_delegation is not None:
            try:
                await self._context.require_delegation()
            except InputRefused as refused:
                refusal = refused.message
            except SealgridError as error:  # an unreachable chain says nothing about it
                _log.warning("reading the delegation: %s", error)
        if refusal and refusal != self._refusal:
            _log.warning("takes no jobs: %s", refusal)
        self._refusal = refusal
        return not refusal

    def _ends(self) -> bool:
        now = time.time()
        idle_since = now if self._running else self._idle_since
        return self._draining.is_set() or self._limits.ends(started=self._started, idle_since=idle_since, now=now)

    def _follow(self, jobs: asyncio.TaskGroup, committed: CommittedResult) -> None:
        if committed not in self._followed:
            self._followed.add(committed)
            jobs.create_task(self._follow_to_end(committed))

    async def _follow_to_end(self, committed: CommittedResult) -> None:
        try:
            await follow_commitment(committed, self._context)
        finally:
            self._followed.discard(committed)

    async def _work(
        self, jobs: asyncio.TaskGroup, job: JobAssignment, free: list[TaskCheckpoint], checkpoint: TaskCheckpoint
    ) -> None:
        with contextlib.suppress(OSError):  # of a full disk; the lease ends if this process is killed now
            checkpoint.add(job.task, job.fence)
        self._record.stage(job.task, "assigned")
        self._on_job(job.task, "started")
        warm = await self._warm.take(job.app_digest) if job.public is None else None
        try:
            failure = await run_job(job, self._context, warm)
        finally:
            if warm is not None:
                await warm.connection.close()
        self._record.ended(job.task, done=not failure)
        self._on_job(job.task, f"failed: {failure}" if failure else "done")
        checkpoint.remove()
        # The slot is free while others compute the same. A job may fail after the pool has taken its commitment.
        if job.public is not None:
            for committed in stored_commitments(self._context.config.folder):
                self._follow(jobs, committed)
        free.append(checkpoint)
        self._running.discard(job.task)
        self._idle_since = time.time()
        if job.public is None and not self._ends() and self._limits.may_take(time.time(), self._use()):
            self._warm.start(ExpectedApp(job.app_digest, job.bundle))
        self._changed.set()

    async def _next_jobs(self, slots: int) -> tuple[JobAssignment, ...]:
        """Return jobs for free slots; none after a wait, a failed request, or when the worker is drained."""
        message = NextJob(wait=self._wait(), slots=slots, capabilities=capabilities_of(self._context))
        request = asyncio.create_task(self._pool.exchange(message))
        drained = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({request, drained}, return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                return ()
            jobs = request.result().jobs
        except SealgridError as error:
            _log.warning("requesting a job: %s", error)
            self._record.silence()
            with contextlib.suppress(SealgridError):
                await self._pool.synchronise()  # a clock that was set meanwhile is one cause
            await self._pause(min(PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE))
            self._failures = min(self._failures + 1, 10)
            return ()
        finally:
            for task in (request, drained):
                task.cancel()
        self._failures = 0
        self._record.contact()
        return jobs

    def _wait(self) -> float:
        """Return how long to wait for a job, in seconds: until the next limit, at most WAIT_SECONDS."""
        now, limits = time.time(), self._limits
        ends = [self._idle_since + limits.idle_exit] if limits.idle_exit is not None and not self._running else []
        ends += [limits.until] if limits.until is not None else []
        return max(0.0, min([WAIT_SECONDS, *(end - now for end in ends)]))

    async def _pause(self, seconds: float) -> None:
        """Wait until the time is over, a job ends, or the worker is drained."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()


def capabilities_of(context: JobContext) -> WorkerCapabilities:
    """Return what this worker has and takes, with the files in its cache that were used last."""
    config = context.config
    return WorkerCapabilities(
        memory=config.memory,
        cached=context.cache.recent(MAX_CACHED),
        apps=config.apps,
        requesters=config.requesters,
        enclaves_only=config.account is not None,  # a contribution without an enclave would stake the account's money
    )


@contextlib.asynccontextmanager
async def open_context(
    config: WorkerConfig, http: httpx.AsyncBaseTransport | None = None, platform: PlatformClient | None = None
) -> AsyncIterator[tuple[JobContext, SignedPoolClient]]:
    """Open the clients and stores of a worker, and its pool client; close them at the end.

    ``platform`` launches the enclaves, by default the service at ``platform_url``. Raises InputRefused for a worker
    that is not a delegate of its account, or whose account the pool does not serve.
    """
    async with contextlib.AsyncExitStack() as stack:
        key = SigningKey.from_bytes(bytes.fromhex(config.key_file.read_text().strip().removeprefix("0x")))
        node = await stack.enter_async_context(Node(*config.network.rpc_urls))

        async def transport(url: str, name: str, seconds: float = READ_SECONDS) -> HttpTransport:
            return await stack.enter_async_context(HttpTransport(url, name=name, timeout=seconds, http=http))

        domain = config.network.domain
        nodes = tuple(
            [
                StorageClient(await transport(url, "the storage node", NODE_SECONDS), TicketSigner(url, key, domain))
                for url in (config.storage_url, *config.storage_copies)
            ]
        )
        mirrors = await open_mirrors(config.storage_mirrors, lambda url: transport(url, "the mirror", NODE_SECONDS))
        storage = RemoteFiles(*nodes, mirrors=mirrors)
        client = PoolClient(await transport(config.pool_url, "the pool"))
        pool = SignedPoolClient(
            client, key, domain, config.workerpool, lambda: int(time.time()), account=config.account
        )
        hub, publisher, delegation = Hub(node, config.network.hub), None, None
        if config.account is not None:
            delegation = partial(require_delegation, hub, config.workerpool, config.account, key.address)
            await delegation()
            publisher = AccountPublisher(hub, config.account, key, pool, chain=config.network.chain).wallet
        try:
            await pool.synchronise()
        except InputRefused:  # it sends no results of this account
            raise
        except SealgridError as error:  # the worker tries again when a request fails
            _log.warning("asking the pool for its time: %s", error)
        context = JobContext(
            config=config,
            pool=pool,
            chain=Finalizer(hub, Wallet(node, key), publisher),
            platform=platform or PlatformClient(await transport(config.platform_url, "the platform")),
            storage=storage,
            source=storage,
            cache=ContentFolder(config.folder / "cache", total_limit=config.cache_bytes, evict=True),
            wheels=WheelIndex(config.wheels),
            fetch_by_cid=storage.read_by_cid,
            nodes=nodes,
            health=storage.health,
            require_delegation=delegation,
            sms=IexecSmsClient(await transport(config.sms_url, "the iExec SMS adapter")) if config.sms_url else None,
            market=MarketClient(await transport(config.market_url, "the market"), config.network.chain)
            if config.market_url
            else None,
            vaults=tuple([await transport(url, f"vault {address}") for address, url in config.network.vault_endpoints]),
        )
        yield context, pool


async def run_job(job: JobAssignment, context: JobContext, warm: WarmEnclave | None = None) -> str:
    """Run one job, in a warm enclave if there is one, and report its failure, if any.

    Returns why it has no result, or nothing.
    Only cancellation of the worker raises.
    """
    job_run = JobRun(job, context, warm) if job.public is None else PublicJobRun(job, context)
    running = asyncio.create_task(job_run.run())
    lease_task = asyncio.create_task(_maintain_lease(job, job_run, running, context))
    reason = ""
    try:
        await running
    except (SealgridError, TimeoutError) as error:
        _log.warning("task %s: %s", job.task, error)
        reason = error.reason if isinstance(error, SealgridError) else "it took too long"
        await job_run.remove_altered_files()
        await job_run.report("failed", reason, check=error.check if isinstance(error, ReleaseRefused) else "")
    except Exception as error:  # noqa: BLE001  one job must not end the worker
        _log.exception("task %s", job.task)
        reason = f"an unexpected {type(error).__name__} on this machine"
        await job_run.report("failed", reason)
    except asyncio.CancelledError:
        if not lease_task.done():
            raise  # the worker itself is cancelled
        reason = "the chain would no longer pay for it"
        _log.warning("task %s: cancelled, since %s", job.task, reason)
    finally:
        lease_task.cancel()
    return reason


async def _maintain_lease(
    job: JobAssignment, job_run: JobRun, running: "asyncio.Task[None]", context: JobContext
) -> None:
    """Renew the lease at the pool, and cancel a job that the chain would no longer pay."""
    while not running.done():
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await job_run.repeat_stage()
        with contextlib.suppress(SealgridError):  # an unreachable chain says nothing about the job
            if not running.done() and job_run.is_cancellable and not await context.chain.is_payable(job):
                running.cancel()
                return
