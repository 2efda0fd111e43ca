"""Start every part of a local network: the light ones first, before the chain's libraries are even imported."""

import asyncio
from collections.abc import Callable

from sealgrid.localnet.layout import PLATFORM, STORAGE, Layout
from sealgrid.localnet.processes import Child, fork
from sealgrid.localnet.services import Services
from sealgrid.localnet.sockets import Sockets
from sealgrid.platform.config import PlatformConfig
from sealgrid.platform.runner import run as run_platform
from sealgrid.storagenode.config import StorageNodeConfig
from sealgrid.storagenode.runner import run as run_storage

Told = Callable[[str], None]


def start(layout: Layout, children: list[Child], *, port: int, told: Told, stocked: bool, gate: bool) -> None:
    """Start all parts, adding each to ``children`` at its birth; ``port`` is the chain's, 0 for free ports.

    With ``gate`` the chain's hub asks no broker: a PoolGate owns the pool, as on hubs that nobody here administers.
    This process keeps their listening sockets: a part that ends and is started again finds the questions of meantime.
    """
    sockets, services = Sockets(port), Services(layout)
    chain_port = sockets.port_for_chain()
    told(STORAGE)
    children.append(_storage(layout, sockets, services))
    told(PLATFORM)
    children.append(_platform(layout, sockets, services))
    # The rest speaks to the chain. Its libraries are imported once, here, and inherited by each part that forks off.
    from sealgrid.localnet import chainside  # noqa: PLC0415

    chainside.start(layout, children, sockets, chain_port, told, stocked=stocked, gate=gate)


def _storage(layout: Layout, sockets: Sockets, services: Services) -> Child:
    config, sock = StorageNodeConfig(folder=layout.part(STORAGE), access=services.of(STORAGE)), sockets.take(STORAGE)
    return fork(STORAGE, layout.log(STORAGE), lambda ready: asyncio.run(run_storage(config, sock, ready)))


def _platform(layout: Layout, sockets: Sockets, services: Services) -> Child:
    config, sock = PlatformConfig(folder=layout.part(PLATFORM), access=services.of(PLATFORM)), sockets.take(PLATFORM)
    return fork(PLATFORM, layout.log(PLATFORM), lambda ready: asyncio.run(run_platform(config, sock, ready)))
