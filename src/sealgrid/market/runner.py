"""Run one market."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.errors import InputRefused
from sealgrid.market.admission import Gate
from sealgrid.market.api import application
from sealgrid.market.authentication import Doorman
from sealgrid.market.chain.follower import ChainSide
from sealgrid.market.chain.store import ChainMemory
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed.feed import Feed
from sealgrid.market.service import Desk
from sealgrid.market.store import OrderStore
from sealgrid.market.writer import Clerk
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.wire.server import serve


async def run(config: MarketConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused on another chain than the configured one."""
    async with Node(config.rpc_url) as node:
        await check_place(config, node)
        async with open_desk(config, node) as desk:
            await serve(application(desk, config), sock, ready, config.access)


@contextlib.asynccontextmanager
async def open_desk(config: MarketConfig, node: Node) -> AsyncIterator[Desk]:
    """Open the databases, read both up to now, and keep reading until the end of the context."""
    config.folder.mkdir(parents=True, exist_ok=True)
    domain = OrderDomain(chain=config.chain, hub=config.hub)
    with (
        contextlib.closing(ChainMemory(config.folder / "chain.sqlite")) as memory,
        contextlib.closing(
            OrderStore(config.database or f"sqlite:///{config.folder / 'market.sqlite'}", domain)
        ) as store,
    ):
        feed = Feed(config.chain)
        chain = await ChainSide.open(Hub(node, config.hub), memory, feed.tell, first=config.first_block)
        clerk = Clerk(store, chain.book, feed.tell)
        await chain.catch_up()
        await clerk.catch_up()
        doorman = Doorman(chain, clerk, config.chain)
        desk = Desk(chain, clerk, doorman, Gate(chain, domain, per_signer=config.orders_per_signer), feed)
        async with asyncio.TaskGroup() as tasks:
            work = (clerk.run(), chain.run(every=config.follow_seconds), feed.run())
            running = [tasks.create_task(each) for each in work]
            try:
                yield desk
            finally:
                await feed.close()
                for task in running:
                    task.cancel()


async def check_place(config: MarketConfig, node: Node) -> None:
    """Raise InputRefused unless this is the configured chain."""
    if (await node.chain(), await node.genesis()) != (config.chain, config.genesis):
        raise InputRefused("the chain at this address is another one than the market was made for.")
