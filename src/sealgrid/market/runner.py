"""Run one market."""

import socket
from collections.abc import Callable

from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.errors import InputRefused
from sealgrid.market.api import handlers
from sealgrid.market.chainside import ChainSide
from sealgrid.market.config import MarketConfig
from sealgrid.market.desk import Desk
from sealgrid.market.store import OrderStore
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.wire.serving import serve, service


async def run(config: MarketConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused on another chain than the configured one."""
    config.folder.mkdir(parents=True, exist_ok=True)
    store = OrderStore(config.folder / "market.sqlite")
    try:
        async with Node(config.rpc_url) as node:
            await check_place(config, node)
            desk = desk_of(config, node, store)
            await serve(service(handlers(desk, config.chain)), sock, ready)
    finally:
        store.close()


def desk_of(config: MarketConfig, node: Node, store: OrderStore) -> Desk:
    """Return what answers."""
    domain = OrderDomain(chain=config.chain, hub=config.hub)
    return Desk(store, ChainSide(Hub(node, config.hub)), domain, per_signer=config.orders_per_signer)


async def check_place(config: MarketConfig, node: Node) -> None:
    """Raise InputRefused unless this is the configured chain."""
    if (await node.chain(), await node.genesis()) != (config.chain, config.genesis):
        raise InputRefused("the chain at this address is another one than the market was made for.")
