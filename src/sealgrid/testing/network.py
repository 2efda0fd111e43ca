"""A whole network in this process, for tests of apps and dApps. SIMULATED platform: NOT A TEE.

Vaults, market, pool, two storage nodes and platform are the real services, without ports. The chain is anvil, a child
process on a loopback port, with iExec's contracts. A worker runs the apps in the real sandbox of the enclave.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from litestar.types import ASGIApp

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig, advance
from sealgrid.chain.node import Node
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import (
    MARKET,
    PLATFORM,
    POOL,
    STORAGE,
    THRESHOLD,
    VAULTS,
    WORKER,
    Layout,
    cache_folder,
    storage_names,
)
from sealgrid.localnet.prepare import LOCAL_TRUST, lay_foundation, offer_computing
from sealgrid.localnet.service_configs import (
    WORKERS,
    ServiceUrls,
    market_config,
    network_file,
    pool_config,
    vault_config,
    vault_names,
    worker_config,
)
from sealgrid.market.runner import open_app as open_market
from sealgrid.platform.runner import open_app as open_platform
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from sealgrid.pool.runner import open_app as open_pool
from sealgrid.sdk import simulated_warning
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import Network, VaultAddress
from sealgrid.sdk.stores.home import home
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import open_app as open_storage
from sealgrid.testing.in_process import InProcessHttp, InProcessService, OnReady, asgi_service
from sealgrid.testing.sandbox_check import check_sandbox
from sealgrid.vault.runner import open_app as open_vault
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.worker.runner import run as run_worker

_DOMAIN: Final = "sealgrid.test"  #: RFC 6761 reserves .test, so the names never resolve outside of this process


@dataclass(frozen=True, slots=True)
class _Parts:
    network: Network
    node: Node
    http: InProcessHttp
    services: dict[str, InProcessService]
    stack: AsyncExitStack  #: closes the clients


class AsyncLocalNetwork:
    """A network for tests; ``async with local_network_async() as network``."""

    def __init__(self, parts: _Parts, warning: str) -> None:
        self._parts, self._warning = parts, warning

    @property
    def warning(self) -> str:
        """Return why no real secret belongs here."""
        return self._warning

    @property
    def network(self) -> Network:
        """Return the network file's content: addresses, and the pins of a verifier. Its URLs work in this process."""
        return self._parts.network

    @property
    def services(self) -> tuple[str, ...]:
        """Return the names for ``stop`` and ``start``: vault-1 to vault-3, market, pool, two nodes, platform, worker.

        The storage nodes are storage and storage-2. worker2 and worker3 are stopped at first; runs without a TEE need
        several workers.
        """
        return tuple(self._parts.services)

    async def client(self, account: str | SigningKey = "requester") -> AsyncClient:
        """Return a client, which closes with the network.

        ``account`` is the name of a funded development account (requester, developer, owner …), or a key;
        ``client.account.fund()`` adds test credits and gas. Raises InputRefused for an unknown name.
        """
        return await self._parts.stack.enter_async_context(self.open_client(account))

    @asynccontextmanager
    async def open_client(self, account: str | SigningKey = "requester") -> AsyncIterator[AsyncClient]:
        """Yield a client as ``client`` returns it, which closes with the context."""
        if isinstance(account, str) and account not in NAMES:
            raise InputRefused(f"there is no account {account!r}; a test network has {', '.join(NAMES)}.")
        key = development_key(account) if isinstance(account, str) else account
        async with connect(self.network, key, http=self._parts.http) as conn:
            yield AsyncClient(conn, home(Path(self.network.folder) / "home"))

    async def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks."""
        await self._parts.node.rpc("anvil_mine", hex(blocks))

    async def advance(self, seconds: int) -> None:
        """Move the chain's clock forward and mine a block, so deadlines pass. Services keep the machine's time."""
        await advance(self._parts.node, seconds)

    async def stop(self, service: str) -> None:
        """Stop one service: its requests fail until it is started again; its data stay."""
        await self._service(service).stop()

    async def start(self, service: str) -> None:
        """Start a stopped service and return when it is ready."""
        await self._service(service).start()

    async def restart(self, service: str) -> None:
        """Stop and start one service."""
        await self.stop(service)
        await self.start(service)

    def _service(self, name: str) -> InProcessService:
        try:
            return self._parts.services[name]
        except KeyError:
            raise InputRefused(f"there is no service {name!r}; this network has {', '.join(self.services)}.") from None


@asynccontextmanager
async def local_network_async() -> AsyncIterator[AsyncLocalNetwork]:
    """Start a network in the running event loop; stop it and remove its files at the end.

    Its enclaves are SIMULATED, which a SimulatedPlatformWarning says: never use a real secret. Raises SetupMissing
    without anvil, PoCo's contracts or a working bubblewrap.
    """
    await asyncio.to_thread(check_sandbox)
    async with AsyncExitStack() as stack:
        layout = Layout(Path(tempfile.mkdtemp(prefix="sealgrid-test-")))
        stack.callback(shutil.rmtree, layout.root, ignore_errors=True)
        chain = AnvilConfig(binary=cache_folder() / "anvil" / "bin" / "anvil")
        anvil = await stack.enter_async_context(await Anvil.start(chain))
        node = await stack.enter_async_context(Node(anvil.url))
        parts = await _start_services(layout, node, stack)
        stack.push_async_exit(parts.stack)
        yield AsyncLocalNetwork(parts, simulated_warning.warn(parts.network))


async def _start_services(layout: Layout, node: Node, stack: AsyncExitStack) -> _Parts:
    platform = await asyncio.to_thread(
        SimulatedPlatform, PlatformConfig(folder=layout.part(PLATFORM)), lambda: int(time.time())
    )
    measured, vaults, storages = platform.measurement(), vault_names(layout, VAULTS), storage_names(2)
    foundation = await lay_foundation(node.url, cache_folder() / "poco", tuple(vaults), THRESHOLD, measured, gate=False)
    urls = ServiceUrls(
        chain=node.url,
        vaults=tuple(VaultAddress(address, _url(name)) for address, name in vaults.items()),
        storage=_url(STORAGE),
        storage_copies=tuple(_url(name) for name in storages[1:]),
        market=_url(MARKET),
        pool=_url(POOL),
        platform=_url(PLATFORM),
    )
    network, http = network_file(layout, foundation, measured, urls), InProcessHttp()

    def storage(name: str) -> StorageNodeConfig:
        return StorageNodeConfig(
            folder=layout.part(name), url=_url(name), domain=network.identity.domain, access=_access(name)
        )

    openers: dict[str, Callable[[], AbstractAsyncContextManager[ASGIApp]]] = {
        **{name: partial(open_storage, storage(name)) for name in storages},
        PLATFORM: partial(open_platform, platform, _access(PLATFORM)),
        **{
            name: partial(open_vault, vault_config(layout, name, network, _access(name)), http=http)
            for name in sorted(vaults.values())
        },
        MARKET: partial(open_market, market_config(layout, network, _access(MARKET))),
        POOL: partial(open_pool, pool_config(layout, network, _access(POOL)), http=http),
    }
    services = {name: asgi_service(http, f"{name}.{_DOMAIN}", opener) for name, opener in openers.items()}

    async def work(name: str, ready: OnReady) -> None:
        await run_worker(worker_config(layout, network, name), ready, http=http)

    services |= {name: InProcessService(partial(work, name)) for name in WORKERS}
    for service in services.values():
        stack.push_async_callback(service.stop)
    spare = set(WORKERS) - {WORKER}
    await asyncio.gather(*(service.start() for name, service in services.items() if name not in spare))
    await offer_computing(network, http=http)
    await offer_computing(network, trust=LOCAL_TRUST, http=http)
    return _Parts(network, node, http, services, AsyncExitStack())


def _url(name: str) -> str:
    return f"http://{name}.{_DOMAIN}"


def _access(name: str) -> ServiceAccess:
    return ServiceAccess(public_url=_url(name), requests_per_minute=0, connections_per_client=0)
