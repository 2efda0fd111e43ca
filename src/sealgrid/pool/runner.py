"""Runs one pool process: chain poller, chain executor, refusal checks and HTTP API."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import httpx
from litestar import Litestar

from sealgrid.chain.assets import Assets
from sealgrid.chain.blocks import BlockTrail, usual_depth
from sealgrid.chain.follower import BlocksApplied, BlocksRolledBack, Change, HubFollower
from sealgrid.chain.hub import Hub
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.chain.node import Node
from sealgrid.chain.pool_gate import pool_signer
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.pool.admission import AdmittedWorkers, WorkerAdmissions
from sealgrid.pool.api import admission_handler, handlers
from sealgrid.pool.app_memory import AppMemory
from sealgrid.pool.bonds import WorkerBonds
from sealgrid.pool.chain_executor import ChainExecutor
from sealgrid.pool.chain_reader import ChainClock, PoolChainReader
from sealgrid.pool.config import PoolConfig, read_key
from sealgrid.pool.iexec_api import cross_origin_paths, iexec_handlers
from sealgrid.pool.refusal_check import RefusalCheck
from sealgrid.pool.replicas import follow_clock, hear, lead
from sealgrid.pool.requester_auth import RequesterAuthenticator
from sealgrid.pool.service import TaskService
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.transaction_sender import TransactionSender
from sealgrid.pool.worker_accounts import WorkerAccounts
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Address
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.message import Transport
from sealgrid.wire.server import allow_cross_site_reads, cors_config, create_app
from sealgrid.wire.service_monitor import ServiceMonitor
from sealgrid.wire.storage import NODE_SECONDS, StorageClient

REMEMBERED_SECONDS: Final = 30 * 86_400  #: how long an ended task can be read, as long as an unopened result
_FORGET_SECONDS: Final = 3600.0  #: between two deletions
_PAUSE: Final = 1.0  #: seconds after the chain could not be followed
_log = logging.getLogger("sealgrid.pool")


async def run(config: PoolConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused when chain, key and workerpool do not belong together."""
    monitor = ServiceMonitor("pool")
    async with open_app(config, monitor) as app:
        await serve_monitored(app, sock, ready, config.access, monitor, stopping=app.state.drain)


@asynccontextmanager
async def open_app(
    config: PoolConfig, monitor: ServiceMonitor | None = None, *, http: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Litestar]:
    """Yield the application of a pool with its background tasks; raise InputRefused as ``run``.

    ``http`` sends the requests to vaults (see ``HttpTransport``). A background task that fails cancels the context.
    """
    key = read_key(config.key_file)
    config.folder.mkdir(parents=True, exist_ok=True)
    store = SqlPoolStore(config.store_url, config.rules)
    book = TaskBook(store, config.rules)
    try:
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(Node(*config.network.rpc_urls))
            await check_configuration(config, node, key)
            warn_of_reorganisations(config)
            vaults = [
                (address, await stack.enter_async_context(HttpTransport(url, name=f"vault {address}", http=http)))
                for address, url in config.network.vault_endpoints
            ]
            clock = ChainClock()
            domain = config.network.domain
            admitted = AdmittedWorkers(config.store_url, config.workers)
            stack.callback(admitted.close)
            hub = Hub(node, config.network.hub)
            bonds = WorkerBonds(config.bond, hub.account, admitted.joined_openly)
            is_open = config.open_admission
            admissions = WorkerAdmissions(
                admitted, config.workerpool, domain, key, time.time, is_open=is_open, bonds=bonds
            )
            workers = AllowedWorkers(domain=domain, pool=config.workerpool, allowed=admitted)
            task_service = TaskService(
                book,
                clock,
                workers,
                key,
                machines=config.machines,
                score_of=hub.view_score,
                accounts=WorkerAccounts(hub, config.workerpool, config.worker_accounts),
                bonds=bonds,
            )
            stack.callback(task_service.close)
            memory = AppMemory(None)
            if config.storage_url:
                storages = [
                    HttpTransport(url, name="the storage node", timeout=NODE_SECONDS, http=http)
                    for url in (config.storage_url, *config.storage_copies)
                ]
                for storage in storages:
                    await stack.enter_async_context(storage)
                bundles = RemoteFiles(*(StorageClient(storage, url=storage.base) for storage in storages))
                memory = AppMemory(bundles.get_bytes)
            reader = PoolChainReader(hub, config.workerpool, memory)
            if monitor is not None:
                _report(monitor, store, book, task_service, node)
            work = LeaderWork(config, reader, key, book, clock)
            background = (
                lead(store, book, lambda: work.run(vaults)),
                hear(store, book),
                follow_clock(store, book, clock),
            )
            authenticator = RequesterAuthenticator(config.network.chain, time.time, key.secret)
            paths = [
                *handlers(task_service),
                admission_handler(admissions),
                *iexec_handlers(task_service, authenticator, config.network.chain, config.access.public_url),
            ]
            access = config.access
            origin_check = allow_cross_site_reads(access, *cross_origin_paths(config.network.chain))
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(each) for each in background]
                try:
                    app = create_app(paths, access=access, origin_check=origin_check, cors=cors_config("GET"))
                    app.state.drain = task_service.drain
                    yield app
                finally:
                    for task in running:
                        task.cancel()
    finally:
        book.close()
        store.close()


def _report(monitor: ServiceMonitor, store: SqlPoolStore, book: TaskBook, service: TaskService, node: Node) -> None:
    """Add the metrics and checks of one replica."""

    def tasks() -> dict[str, float]:
        counts = store.count_tasks(time.time())
        return {"waiting": counts.waiting, "working": counts.working}

    def ended() -> dict[str, float]:
        counts = store.count_tasks(time.time() - 60)
        return {"completed": counts.completed, "refunded": counts.refunded}

    async def check_store() -> None:
        await book.read_trail()

    async def check_chain() -> None:
        await node.block()

    monitor.add_gauge("tasks", "Tasks that have not ended.", tasks)
    monitor.add_gauge("ended_tasks", "Tasks that ended in the last minute.", ended)
    monitor.add_gauge("workers", "Workers with a call in the last minute.", lambda: {"active": service.view().workers})
    monitor.add_gauge(
        "tail_copies", "Last tasks of deals given to idle workers, too.", lambda: {"given": service.tail_copies}
    )
    monitor.add_gauge("leader", "Whether this replica leads.", lambda: {"self": float(book.epoch is not None)})
    monitor.add_check("store", check_store)
    monitor.add_check("chain", check_chain)


class LeaderWork:
    """What one process of a pool does at a time: follow the chain, send transactions, check refusals."""

    def __init__(
        self, config: PoolConfig, reader: PoolChainReader, key: SigningKey, book: TaskBook, clock: ChainClock
    ) -> None:
        self._config, self._reader, self._book, self._clock = config, reader, book, clock
        self._hub = reader.hub
        self._sender = TransactionSender(reader.hub.node, key, config.network.hub)

    async def run(self, vaults: Sequence[tuple[Address, Transport]]) -> None:
        """Run until cancelled."""
        config, book = self._config, self._book
        trail = await book.read_trail()  # of the leader before
        depth, final = config.depth, config.final
        follower = HubFollower(self._hub, trail, first=config.first_block, depth=depth, final=final)
        poller = ChainPoller(book, self._clock, self._reader, follower)
        retry = config.retry_seconds
        executor = ChainExecutor(book, self._hub, self._sender, retry=retry, confirmations=depth, final=final)
        refusals = RefusalCheck(book, vaults, config.network.threshold, config.network.domain)
        new_blocks = NewBlocks(self._hub.node.url)
        async with asyncio.TaskGroup() as tasks:
            following = poller.run(new_blocks, config.poll_seconds)
            for each in (new_blocks.run(), following, executor.run(), refusals.run()):
                tasks.create_task(each)


async def check_configuration(config: PoolConfig, node: Node, key: SigningKey) -> None:
    """Raise InputRefused unless this is the configured chain and the key runs the workerpool on it."""
    await config.network.check_chain(node)
    owner = await Assets(Hub(node, config.network.hub)).owner(config.workerpool)
    operator = await pool_signer(node, owner, config.network.broker)
    if operator != key.address:
        raise InputRefused(
            f"workerpool {config.workerpool} is operated by {operator}; the key belongs to {key.address}."
        )


def warn_of_reorganisations(config: PoolConfig) -> None:
    """Log a warning if the pool acts on blocks that this chain often removes again."""
    usual = usual_depth(config.network.chain)
    if config.depth < usual:
        _log.warning(
            "confirmations = %d: this pool believes blocks that chain %d may remove again. Set confirmations to %d or "
            "more, or to 0 for the chain's usual number, and start the pool again.",
            config.depth,
            config.network.chain,
            usual,
        )


class ChainPoller:
    """Applies new blocks and due events to the state."""

    def __init__(self, book: TaskBook, clock: ChainClock, reader: PoolChainReader, follower: HubFollower) -> None:
        self._book, self._clock, self._reader, self._follower = book, clock, reader, follower
        self._forget_at = 0.0

    async def run(self, new_blocks: NewBlocks, every: float) -> None:
        """Poll at each new block, or every ``every`` seconds, until cancelled; pause when the chain does not answer."""
        await self.begin(time.time())
        while True:
            try:
                await self.poll(time.time())
            except SealgridError as error:
                _log.warning("the chain cannot be followed now: %s", error)
                await asyncio.sleep(_PAUSE)
            except Exception:  # noqa: BLE001  the rest of the pool must go on
                _log.exception("the chain cannot be followed now")
                await asyncio.sleep(_PAUSE)
            await new_blocks.wait(every)

    async def begin(self, now: float) -> None:
        """Renew every lease, since no worker could report while the pool was down."""
        if (tip := self._follower.trail.tip) is not None:
            self._clock.observe(tip.number, tip.timestamp, now)
        await self._book.lead(lambda rows: rows.renew_leases(now))

    async def poll(self, now: float) -> None:
        """Apply every new block, then leases and deadlines; forget tasks that ended long ago."""
        while (change := await self._apply_next_block(now)) is not None:
            self._clock.observe(change.block.number, change.block.timestamp, now)
        await self._book.expire(now, self._clock.now(now))
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_SECONDS
            await self._book.lead(lambda rows: rows.forget(now - REMEMBERED_SECONDS))

    async def _apply_next_block(self, now: float) -> Change | None:
        before = self._follower.trail
        try:
            change = await self._follower.step()
            if change is not None:
                events = await self._reader.read(change.events, now) if isinstance(change, BlocksApplied) else []
                if isinstance(change, BlocksRolledBack):
                    self._warn_of_removed_blocks(before, change)
                await self._book.apply_chain_events(events, self._follower.trail)
        except BaseException:
            self._follower.trail = before  # blocks that were not stored are read again
            raise
        return change

    def _warn_of_removed_blocks(self, before: BlockTrail, change: BlocksRolledBack) -> None:
        """Warn that tasks may have ended in removed blocks: the pool does not revert the stage of a task."""
        assert before.tip is not None  # else nothing could be removed
        _log.warning(
            "the chain removed blocks %d to %d, which this pool had applied. Deals and ends of tasks in them may be "
            "gone; this pool does not take them back. Anyone can claim an open task after its final deadline for its "
            "requester. Set confirmations above %d to wait for that many blocks.",
            change.block.number + 1,
            before.tip.number,
            before.tip.number - change.block.number,
        )
