"""Run one pool: follow the chain, act on it, and answer workers."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack

from sealgrid.chain.assets import Assets
from sealgrid.chain.follower import BlocksApplied, Change, HubFollower
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.pool_gate import pool_signer
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.pool.api import handlers
from sealgrid.pool.chain_clock import ChainClock
from sealgrid.pool.chain_executor import ChainExecutor
from sealgrid.pool.chain_reader import PoolChainReader
from sealgrid.pool.config import PoolConfig
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.events import PoolRestarted
from sealgrid.pool.iexec_api import iexec_handlers, pages_read
from sealgrid.pool.key_file import read_key
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.refusal_check import RefusalCheck
from sealgrid.pool.requester_auth import RequesterAuthenticator
from sealgrid.pool.service import TaskService
from sealgrid.pool.state import due
from sealgrid.pool.worker_auth import AllowedWorkers
from sealgrid.units import Address
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.message import Transport
from sealgrid.wire.server import cors, readable_by_pages, serve, service

_PAUSE = 1.0  #: seconds after the chain could not be followed
_log = logging.getLogger("sealgrid.pool")


async def run(config: PoolConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused when chain, key and workerpool do not belong together."""
    key = read_key(config.key_file)
    config.folder.mkdir(parents=True, exist_ok=True)
    store = EventStore(config.folder / "pool.sqlite")
    try:
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(Node(*config.network.rpc_urls))
            await check_place(config, node, key)
            vaults = [
                (address, await stack.enter_async_context(HttpTransport(url, name=f"vault {address}")))
                for address, url in config.network.vault_endpoints
            ]
            desk, background = assemble(config, node, key, store, vaults)
            readers = RequesterAuthenticator(config.network.chain, time.time)
            paths = [*handlers(desk), *iexec_handlers(desk, readers, config.network.chain, config.access.public_url)]
            access = config.access
            pages = readable_by_pages(access, *pages_read(config.network.chain))
            app = service(paths, access=access, pages=pages, cors=cors("GET"))
            await _together(background, serve(app, sock, ready, access))
    finally:
        store.close()


def assemble(
    config: PoolConfig,
    node: Node,
    key: SigningKey,
    store: EventStore,
    vaults: Sequence[tuple[Address, Transport]] = (),
) -> tuple[TaskService, tuple[Coroutine[None, None, None], ...]]:
    """Return what answers, and what runs beside it."""
    hub, memory, clock = Hub(node, config.network.hub), PersistentState(store), ChainClock()
    memory.apply(PoolRestarted(at=time.time(), rules=config.rules))
    follower = HubFollower(hub, store.trail(), first=config.first_block, depth=config.confirmations)
    watch = ChainPoller(memory, clock, PoolChainReader(hub, config.workerpool), follower)
    hand = ChainExecutor(memory, hub, Wallet(node, key), retry=config.retry_seconds)
    domain = config.network.domain
    callers = AllowedWorkers(domain=domain, pool=config.workerpool, allowed=config.workers)
    refusals = RefusalCheck(memory, vaults, config.network.threshold, domain)
    desk = TaskService(memory, clock, callers, key, machines=config.machines)
    return desk, (watch.work(config.poll_seconds), hand.work(), refusals.work())


async def check_place(config: PoolConfig, node: Node, key: SigningKey) -> None:
    """Raise InputRefused unless this is the configured chain and the key runs the workerpool on it."""
    await config.network.check_chain(node)
    owner = await Assets(Hub(node, config.network.hub)).owner(config.workerpool)
    speaker = await pool_signer(node, owner, config.network.broker)
    if speaker != key.address:
        raise InputRefused(f"workerpool {config.workerpool} is run by {speaker}, the key belongs to {key.address}.")


class ChainPoller:
    """Reads the chain and both clocks, and tells the memory."""

    def __init__(
        self, memory: PersistentState, clock: ChainClock, side: PoolChainReader, follower: HubFollower
    ) -> None:
        self._memory, self._clock, self._side, self._follower = memory, clock, side, follower

    async def work(self, every: float) -> None:
        """Look for ever; a chain that does not answer is waited for."""
        while True:
            try:
                await self.look(time.time())
            except SealgridError as error:
                _log.warning("the chain cannot be followed now: %s", error)
                await asyncio.sleep(_PAUSE)
            except Exception:  # noqa: BLE001  the other tasks of the pool go on
                _log.exception("the chain cannot be followed now")
                await asyncio.sleep(_PAUSE)
            await asyncio.sleep(every)

    async def look(self, now: float) -> None:
        """Read every new block, then apply what the clocks bring about."""
        while (change := await self._next(now)) is not None:
            self._clock.observe(change.block.number, change.block.timestamp, now)
        for event in due(self._memory.state, now, self._clock.now(now)):
            self._memory.apply(event)

    async def _next(self, now: float) -> Change | None:
        before = self._follower.trail
        try:
            change = await self._follower.step()
            if change is not None:
                events = await self._side.read(change.events, now) if isinstance(change, BlocksApplied) else []
                self._memory.learn(events, self._follower.trail)
        except BaseException:
            self._follower.trail = before  # what was not learnt is read again
            raise
        return change


async def _together(background: Sequence[Awaitable[None]], main: Awaitable[None]) -> None:
    """Run until ``main`` ends; whatever else ends first ends all, with its error."""
    tasks = [asyncio.ensure_future(each) for each in (main, *background)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
