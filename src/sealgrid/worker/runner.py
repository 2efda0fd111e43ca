"""Run a worker: ask the pool for work, do it, ask again."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

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
from sealgrid.worker.wheel_index import WheelFolders

WAIT_SECONDS = 20.0  #: how long one question for work stays open
PAUSE_SECONDS = 0.5  #: after a pool that does not answer
HEARTBEAT_SECONDS = 2.0  #: well within a pool's lease

_log = logging.getLogger("sealgrid.worker")


async def run(config: WorkerConfig, ready: Callable[[], None]) -> None:
    """Work until cancelled; ``ready`` is called before the first question for work."""
    async with workshop(config) as (shop, pool):
        held = TaskCheckpoint(config.folder)
        await held.give_back(pool)
        ready()
        while True:
            job = await _next(pool)
            if job is not None:
                held.take(job.task)
                await _do(job, shop)
                held.let_go()


@contextlib.asynccontextmanager
async def workshop(config: WorkerConfig) -> AsyncIterator[tuple[JobContext, SignedPoolClient]]:
    """Open everything that a worker's jobs share, and its pool; close it all again."""
    async with contextlib.AsyncExitStack() as stack:
        key = SigningKey.from_bytes(bytes.fromhex(config.key_file.read_text().strip().removeprefix("0x")))
        node = await stack.enter_async_context(Node(*config.network.rpc_urls))

        async def reach(url: str, name: str) -> HttpTransport:
            return await stack.enter_async_context(HttpTransport(url, name=name))

        domain = config.network.domain
        nodes = tuple(
            [
                StorageClient(await reach(url, "the storage node"), TicketSigner(url, key, domain))
                for url in (config.storage_url, *config.storage_copies)
            ]
        )
        storage = RemoteFiles(*nodes)
        client = PoolClient(await reach(config.pool_url, "the pool"))
        pool = SignedPoolClient(client, key, domain, config.workerpool, lambda: int(time.time()))
        shop = JobContext(
            config=config,
            pool=pool,
            chain=Finalizer(Hub(node, config.network.hub), Wallet(node, key)),
            platform=PlatformClient(await reach(config.platform_url, "the platform")),
            storage=storage,
            source=storage,
            cache=ContentFolder(config.folder / "cache", total_limit=config.cache_bytes, evict=True),
            wheels=WheelFolders(config.wheels),
            by_address=nodes[0].by_address,
            nodes=nodes,
            sms=IexecSmsClient(await reach(config.sms_url, "the iExec SMS adapter")) if config.sms_url else None,
            market=MarketClient(await reach(config.market_url, "the market"), config.network.chain)
            if config.market_url
            else None,
            vaults=tuple([await reach(url, f"vault {address}") for address, url in config.network.vault_endpoints]),
        )
        yield shop, pool


async def _next(pool: SignedPoolClient) -> JobAssignment | None:
    try:
        return await pool.next_job(WAIT_SECONDS)
    except SealgridError as error:
        _log.warning("asking for work: %s", error)
        await asyncio.sleep(PAUSE_SECONDS)
        return None


async def _do(job: JobAssignment, shop: JobContext) -> None:
    run_of_job = JobRun(job, shop)
    running = asyncio.create_task(run_of_job.run())
    watching = asyncio.create_task(_watch(job, run_of_job, running, shop))
    try:
        await running
    except (SealgridError, TimeoutError) as error:
        _log.warning("task %s: %s", job.task, error)
        why = error.reason if isinstance(error, SealgridError) else "it took too long"
        await run_of_job.report("failed", why, check=error.check if isinstance(error, ReleaseRefused) else "")
    except Exception as error:  # noqa: BLE001  one job must not end the worker
        _log.exception("task %s", job.task)
        await run_of_job.report("failed", f"an unforeseen {type(error).__name__} on this machine")
    except asyncio.CancelledError:
        if not watching.done():
            raise  # the worker itself is asked to end
        _log.warning("task %s: given up, since nobody would be paid for it any more", job.task)
    finally:
        watching.cancel()


async def _watch(job: JobAssignment, run_of_job: JobRun, running: "asyncio.Task[None]", shop: JobContext) -> None:
    """Keep the lease at the pool alive, and end a job that the chain does not want any more."""
    while not running.done():
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await run_of_job.repeat_stage()
        with contextlib.suppress(SealgridError):  # a chain that is away says nothing about the job
            if not running.done() and run_of_job.abandonable and not await shop.chain.still_wanted(job):
                running.cancel()
                return
