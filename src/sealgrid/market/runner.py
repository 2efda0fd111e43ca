"""Run one market."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.market.admission import OrderAdmission
from sealgrid.market.api import application
from sealgrid.market.authentication import ChallengeAuthenticator
from sealgrid.market.chain.follower import MarketChainFollower
from sealgrid.market.chain.store import MarketChainStore
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed.feed import MarketFeed
from sealgrid.market.service import OrderService
from sealgrid.market.store import OrderStore
from sealgrid.market.writer import BatchWriter
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.wire.server import serve


async def run(config: MarketConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused on another chain than the configured one."""
    async with Node(*config.network.rpc_urls) as node:
        await config.network.check_chain(node)
        async with open_desk(config, node) as desk:
            await serve(application(desk, config), sock, ready, config.access)


@contextlib.asynccontextmanager
async def open_desk(config: MarketConfig, node: Node) -> AsyncIterator[OrderService]:
    """Open the databases, read both up to now, and keep reading until the end of the context."""
    config.folder.mkdir(parents=True, exist_ok=True)
    network = config.network
    domain = OrderDomain(chain=network.chain, hub=network.hub)
    with (
        contextlib.closing(MarketChainStore(config.folder / "chain.sqlite")) as memory,
        contextlib.closing(
            OrderStore(config.database or f"sqlite:///{config.folder / 'market.sqlite'}", domain)
        ) as store,
    ):
        feed = MarketFeed(network.chain)
        chain = await MarketChainFollower.open(Hub(node, network.hub), memory, feed.tell, first=config.first_block)
        clerk = BatchWriter(store, chain.book, feed.tell)
        await chain.catch_up()
        await clerk.catch_up()
        doorman = ChallengeAuthenticator(chain, clerk, network.chain)
        desk = OrderService(
            chain, clerk, doorman, OrderAdmission(chain, domain, per_signer=config.orders_per_signer), feed
        )
        async with asyncio.TaskGroup() as tasks:
            work = (clerk.run(), chain.run(every=config.follow_seconds), feed.run())
            running = [tasks.create_task(each) for each in work]
            try:
                yield desk
            finally:
                await feed.close()
                for task in running:
                    task.cancel()
