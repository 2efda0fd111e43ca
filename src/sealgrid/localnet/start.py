"""Starts every part of a local network: storage nodes and platform before the chain's libraries are imported."""

import asyncio
import time
from collections.abc import Callable

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.localnet.account_seed import is_shared, make_private
from sealgrid.localnet.layout import PLATFORM, Layout, NetworkOptions, storage_names
from sealgrid.localnet.listen_sockets import ListenSockets
from sealgrid.localnet.processes import ChildProcess, OnReady, fork
from sealgrid.localnet.public_address import PublicAddress, public_address
from sealgrid.localnet.service_settings import ServiceSettings
from sealgrid.localnet.storage_settings import StorageSettings
from sealgrid.platform.runner import run as run_platform
from sealgrid.platform.simulated import PlatformConfig
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import run as run_storage
from sealgrid.wire.http_transport import trust_certificate

SETTINGS_POLL_SECONDS = 0.02  #: between two checks for a storage node's settings

OnProgress = Callable[[str], None]


def start(layout: Layout, options: NetworkOptions, children: list[ChildProcess], on_progress: OnProgress) -> None:
    """Start all parts, adding each to ``children`` when it is forked."""
    address = _address(layout, options)
    sockets, settings = ListenSockets(options.port, address), ServiceSettings(layout, address)
    for name in storage_names(options.storages):
        on_progress(name)
        children.append(_storage(layout, sockets, settings, name))
    on_progress(PLATFORM)
    config = PlatformConfig(folder=layout.part(PLATFORM), access=settings.of(PLATFORM))
    sock = sockets.open(PLATFORM, private=True)
    platform = fork(PLATFORM, layout.log(PLATFORM), lambda ready: asyncio.run(run_platform(config, sock, ready)))
    children.append(platform)
    # The other parts use the chain. Its libraries are imported once, here, and shared by the forked parts.
    from sealgrid.localnet import services  # noqa: PLC0415

    services.start(layout, options, children, sockets, on_progress)


def _address(layout: Layout, options: NetworkOptions) -> PublicAddress | None:
    """Return a shared network's address, and give a new one private accounts; None for a network of this machine.

    Raises InputRefused for an address or certificate that cannot be used, and for a certificate without an address.
    """
    if not options.host and not is_shared(layout):
        if options.certificate or options.certificate_key:
            raise InputRefused("--certificate is for a shared network; give its --host, too.")
        return None
    address = public_address(options.host, options.certificate, options.certificate_key)
    if options.host:
        make_private(layout)  # last, because a network with private accounts stays shared
    if address.certificate:  # the services call each other at this address
        trust_certificate(address.certificate)
    return address


def _storage(layout: Layout, sockets: ListenSockets, access: ServiceSettings, name: str) -> ChildProcess:
    sock, settings = sockets.open(name), layout.storage_settings(name)
    settings.unlink(missing_ok=True)  # of an earlier start

    def body(ready: OnReady) -> None:
        ready()  # its socket listens; early requests wait
        while not settings.exists():
            time.sleep(SETTINGS_POLL_SECONDS)
        stored = msgspec.json.decode(settings.read_bytes(), type=StorageSettings)
        config = StorageNodeConfig(
            folder=layout.part(name),
            url=sockets.url(name),
            domain=stored.domain,
            chain_url=stored.chain_url,
            others=tuple(url for url in stored.nodes if url != sockets.url(name)),
            services=stored.services,
            access=access.of(name, sockets.url(name)),
        )
        asyncio.run(run_storage(config, sock, lambda: None))

    return fork(name, layout.log(name), body)
