"""Worker loop: request a job from the pool, run it, repeat."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

import httpx

from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ReleaseRefused, SealgridError
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.iexec_sms import IexecSmsClient
from sealgrid.wire.market import MarketClient
from sealgrid.wire.platform import PlatformClient
from sealgrid.wire.pool import JobAssignment, PoolClient
from sealgrid.wire.storage import StorageClient, TicketSigner
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.finalizer import Finalizer
from sealgrid.worker.job import JobContext, JobRun
from sealgrid.worker.signed_pool_client import SignedPoolClient
from sealgrid.worker.task_checkpoint import TaskCheckpoint
from sealgrid.worker.wheel_index import WheelIndex

WAIT_SECONDS = 20.0  #: of one long poll for a job
PAUSE_SECONDS = 0.5  #: after a failed request for a job
HEARTBEAT_SECONDS = 2.0  #: well within a pool's lease

_log = logging.getLogger("sealgrid.worker")


async def run(config: WorkerConfig, ready: Callable[[], None], *, http: httpx.AsyncBaseTransport | None = None) -> None:
    """Run jobs until cancelled; ``ready`` is called before the first request for a job.

    ``http`` sends the requests to all services (see ``HttpTransport``).
    """
    async with open_context(config, http) as (context, pool):
        checkpoint = TaskCheckpoint(config.folder)
        await checkpoint.report_interrupted(pool)
        ready()
        while True:
            try:
                job = await pool.next_job(WAIT_SECONDS)
            except SealgridError as error:
                _log.warning("requesting a job: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if job is not None:
                checkpoint.add(job.task, job.fence)
                await run_job(job, context)
                checkpoint.remove()


@contextlib.asynccontextmanager
async def open_context(
    config: WorkerConfig, http: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[tuple[JobContext, SignedPoolClient]]:
    """Open the clients and stores of a worker, and its pool client; close them at the end."""
    async with contextlib.AsyncExitStack() as stack:
        key = SigningKey.from_bytes(bytes.fromhex(config.key_file.read_text().strip().removeprefix("0x")))
        node = await stack.enter_async_context(Node(*config.network.rpc_urls))

        async def transport(url: str, name: str) -> HttpTransport:
            return await stack.enter_async_context(HttpTransport(url, name=name, http=http))

        domain = config.network.domain
        nodes = tuple(
            [
                StorageClient(await transport(url, "the storage node"), TicketSigner(url, key, domain))
                for url in (config.storage_url, *config.storage_copies)
            ]
        )
        storage = RemoteFiles(*nodes)
        client = PoolClient(await transport(config.pool_url, "the pool"))
        pool = SignedPoolClient(client, key, domain, config.workerpool, lambda: int(time.time()))
        context = JobContext(
            config=config,
            pool=pool,
            chain=Finalizer(Hub(node, config.network.hub), Wallet(node, key)),
            platform=PlatformClient(await transport(config.platform_url, "the platform")),
            storage=storage,
            source=storage,
            cache=ContentFolder(config.folder / "cache", total_limit=config.cache_bytes, evict=True),
            wheels=WheelIndex(config.wheels),
            fetch_by_cid=nodes[0].read_by_cid,
            nodes=nodes,
            sms=IexecSmsClient(await transport(config.sms_url, "the iExec SMS adapter")) if config.sms_url else None,
            market=MarketClient(await transport(config.market_url, "the market"), config.network.chain)
            if config.market_url
            else None,
            vaults=tuple([await transport(url, f"vault {address}") for address, url in config.network.vault_endpoints]),
        )
        yield context, pool


async def run_job(job: JobAssignment, context: JobContext) -> None:
    """Run one job and report its failure, if any. Only cancellation of the worker raises."""
    job_run = JobRun(job, context)
    running = asyncio.create_task(job_run.run())
    lease_task = asyncio.create_task(_maintain_lease(job, job_run, running, context))
    try:
        await running
    except (SealgridError, TimeoutError) as error:
        _log.warning("task %s: %s", job.task, error)
        reason = error.reason if isinstance(error, SealgridError) else "it took too long"
        await job_run.report("failed", reason, check=error.check if isinstance(error, ReleaseRefused) else "")
    except Exception as error:  # noqa: BLE001  one job must not end the worker
        _log.exception("task %s", job.task)
        await job_run.report("failed", f"an unexpected {type(error).__name__} on this machine")
    except asyncio.CancelledError:
        if not lease_task.done():
            raise  # the worker itself is cancelled
        _log.warning("task %s: cancelled, since the chain would no longer pay for it", job.task)
    finally:
        lease_task.cancel()


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
