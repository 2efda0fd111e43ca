"""Start every part of a local network: the light ones first, before the chain's libraries are even imported."""

import asyncio
import time
from collections.abc import Callable

import msgspec

from sealgrid.localnet.layout import PLATFORM, Layout, StorageSettings, storage_names
from sealgrid.localnet.listen_sockets import ListenSockets
from sealgrid.localnet.processes import ChildProcess, Ready, fork
from sealgrid.localnet.service_settings import ServiceSettings
from sealgrid.platform.runner import run as run_platform
from sealgrid.platform.simulated import PlatformConfig
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import run as run_storage

SETTINGS_SECONDS = 0.02  #: between two looks for what a storage node must know of the contracts

Told = Callable[[str], None]


def start(
    layout: Layout,
    children: list[ChildProcess],
    *,
    port: int,
    told: Told,
    stocked: bool,
    gate: bool,
    storages: int,
) -> None:
    """Start all parts, adding each to ``children`` at its birth; ``port`` is the chain's, 0 for free ports.

    With ``gate`` the chain's hub asks no broker: a PoolGate owns the pool, as on hubs that nobody here administers.
    This process keeps their listening sockets: a part that ends and is started again finds the questions of meantime.
    """
    sockets, settings = ListenSockets(port), ServiceSettings(layout)
    chain_port = sockets.port_for_chain()
    for name in storage_names(storages):
        told(name)
        children.append(_storage(layout, sockets, settings, name))
    told(PLATFORM)
    children.append(_platform(layout, sockets, settings))
    # The rest speaks to the chain. Its libraries are imported once, here, and inherited by each part that forks off.
    from sealgrid.localnet import services  # noqa: PLC0415

    services.start(layout, children, sockets, chain_port, told, stocked=stocked, gate=gate, storages=storages)


def _storage(layout: Layout, sockets: ListenSockets, access: ServiceSettings, name: str) -> ChildProcess:
    sock, settings = sockets.take(name), layout.storage_settings(name)
    settings.unlink(missing_ok=True)  # of an earlier start

    def body(ready: Ready) -> None:
        ready()  # its socket listens; who asks before the contracts are known waits
        while not settings.exists():
            time.sleep(SETTINGS_SECONDS)
        known = msgspec.json.decode(settings.read_bytes(), type=StorageSettings)
        config = StorageNodeConfig(
            folder=layout.part(name),
            url=sockets.url(name),
            domain=known.domain,
            chain_url=known.chain_url,
            services=known.services,
            access=access.of(name),
        )
        asyncio.run(run_storage(config, sock, lambda: None))

    return fork(name, layout.log(name), body)


def _platform(layout: Layout, sockets: ListenSockets, access: ServiceSettings) -> ChildProcess:
    config, sock = PlatformConfig(folder=layout.part(PLATFORM), access=access.of(PLATFORM)), sockets.take(PLATFORM)
    return fork(PLATFORM, layout.log(PLATFORM), lambda ready: asyncio.run(run_platform(config, sock, ready)))
