"""Runs one market process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from litestar.types import ASGIApp

from sealgrid.chain.hub import Hub
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.chain.node import Node
from sealgrid.market.admission import OrderAdmission
from sealgrid.market.api import application
from sealgrid.market.authentication import ChallengeAuthenticator
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.market.chain.follower import MarketChainFollower
from sealgrid.market.chain.store import MarketChainStore
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed.feed import MarketFeed
from sealgrid.market.service import OrderService
from sealgrid.market.store import OrderStore
from sealgrid.market.writer import BatchWriter
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.service_monitor import ServiceMonitor


async def run(config: MarketConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused on another chain than the configured one."""
    monitor = ServiceMonitor("market")
    async with open_app(config, monitor) as app:
        await serve_monitored(app, sock, ready, config.access, monitor)


@contextlib.asynccontextmanager
async def open_app(config: MarketConfig, monitor: ServiceMonitor | None = None) -> AsyncIterator[ASGIApp]:
    """Yield the application of a market that follows its chain; raise InputRefused on another chain."""
    async with Node(*config.network.rpc_urls) as node:
        await config.network.check_chain(node)
        async with open_service(config, node) as service:
            if monitor is not None:
                monitor.add_gauge("open_orders", "Orders that can be bought.", lambda: _open_orders(service))
                monitor.add_check("chain", service.chain.catch_up)
            yield application(service, config)


@contextlib.asynccontextmanager
async def open_service(config: MarketConfig, node: Node) -> AsyncIterator[OrderService]:
    """Open the databases, sync with database and chain, and keep both in sync until the context ends."""
    config.folder.mkdir(parents=True, exist_ok=True)
    network = config.network
    domain = OrderDomain(chain=network.chain, hub=network.hub)
    with (
        contextlib.closing(MarketChainStore(config.folder / "chain.sqlite")) as chain_store,
        contextlib.closing(
            OrderStore(config.database or f"sqlite:///{config.folder / 'market.sqlite'}", domain)
        ) as store,
    ):
        feed = MarketFeed(network.chain)
        chain = await MarketChainFollower.open(
            Hub(node, network.hub), chain_store, feed.notify, first=config.first_block
        )
        writer = BatchWriter(store, chain.book, feed.notify)
        await chain.sync()
        await writer.sync()
        authenticator = ChallengeAuthenticator(chain, writer, network.chain)
        service = OrderService(
            chain, writer, authenticator, OrderAdmission(chain, domain, per_signer=config.orders_per_signer), feed
        )
        async with asyncio.TaskGroup() as tasks:
            new_blocks = NewBlocks(node.url)
            following = chain.run(new_blocks, every=config.follow_seconds)
            work = (writer.run(), new_blocks.run(), following, feed.run())
            running = [tasks.create_task(each) for each in work]
            try:
                yield service
            finally:
                await feed.close()
                for task in running:
                    task.cancel()


def _open_orders(service: OrderService) -> dict[str, float]:
    return {kind: service.chain.book.count(kind) for kind in KINDS}
