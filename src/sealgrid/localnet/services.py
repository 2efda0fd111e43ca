"""Starts the chain, deploys its contracts, and starts the services that use it: vaults, market, pool, worker, pages."""

import asyncio
import os
import signal
import urllib.request
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.network_identity import LOCAL_CHAIN, NetworkIdentity
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.iexec_sms.config import SmsConfig
from sealgrid.iexec_sms.runner import run as run_sms
from sealgrid.localnet.account_seed import is_shared
from sealgrid.localnet.chain_proxy import ChainProxyConfig
from sealgrid.localnet.chain_proxy import run as run_chain_proxy
from sealgrid.localnet.database import start_database
from sealgrid.localnet.faucet import FaucetConfig
from sealgrid.localnet.faucet import run as run_faucet
from sealgrid.localnet.layout import (
    AUTHORITY,
    CHAIN,
    CHAIN_PROXY,
    CHAINS,
    FAUCET,
    MARKET,
    PLATFORM,
    POOL,
    SHOP,
    SMS,
    STORAGE,
    THRESHOLD,
    VAULTS,
    WEB,
    WORKER,
    Layout,
    NetworkOptions,
    cache_folder,
    storage_names,
)
from sealgrid.localnet.listen_sockets import ListenSockets
from sealgrid.localnet.network_accounts import account_keys, account_names
from sealgrid.localnet.prepare import IEXEC_CATEGORY, Foundation, allow_runtime, lay_foundation, offer_computing
from sealgrid.localnet.processes import ChildProcess, OnReady, fork
from sealgrid.localnet.service_configs import (
    LOCAL,
    ServiceUrls,
    key_file,
    market_config,
    network_file,
    pool_config,
    vault_config,
    vault_names,
    worker_config,
)
from sealgrid.localnet.service_settings import ServiceSettings
from sealgrid.localnet.shop import list_goods
from sealgrid.localnet.storage_settings import StorageSettings
from sealgrid.market.runner import run as run_market
from sealgrid.platform.authority import AdmittingPool
from sealgrid.platform.authority_service import AuthorityConfig
from sealgrid.platform.authority_service import run as run_authority
from sealgrid.pool.runner import run as run_pool
from sealgrid.sdk.network import Network, VaultAddress, published
from sealgrid.storage.atomic_file import write_file
from sealgrid.vault.runner import run as run_vault
from sealgrid.web.runner import WebConfig
from sealgrid.web.runner import run as run_web
from sealgrid.wire.platform import RuntimeMeasurement
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.worker.relay_folders import remove_relay_folders
from sealgrid.worker.runner import run as run_worker

STEP_SECONDS = 60.0

T = TypeVar("T")
OnProgress = Callable[[str], None]


def start(
    layout: Layout,
    options: NetworkOptions,
    children: list[ChildProcess],
    sockets: ListenSockets,
    on_progress: OnProgress,
) -> None:
    """Start the chain, deploy the contracts, and start every part that needs them."""
    on_progress(CHAIN)
    children.append(_chain(layout, sockets.chain_port, _chain_id(layout, options)))
    for child in children:
        child.wait_ready(STEP_SECONDS)
    rpc_url = f"http://127.0.0.1:{sockets.chain_port}"
    # Not through a proxy that the environment names: it cannot reach this machine's loopback.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{sockets.url(PLATFORM)}/measurement", timeout=STEP_SECONDS) as reply:
        measured = msgspec.json.decode(reply.read(), type=RuntimeMeasurement)
    database = start_database(layout, options.postgres, children, on_progress)
    net = _NetworkPlan(layout, sockets, rpc_url, measured, options.storages, database=database)
    on_progress("contracts")
    net.prepare(gate=options.gate)
    net.write_storage_settings()
    started = [fork(name, layout.log(name), body) for name, body in net.parts()]
    children.extend(started)
    for child in started:
        on_progress(child.name)
        child.wait_ready(STEP_SECONDS)
    write_file(layout.network, msgspec.json.format(msgspec.json.encode(net.network())))
    on_progress("orders")
    net.run_once("offer", bool, lambda: offer_computing(net.network(), key=net.key_of("pool")))
    net.run_once(
        "iexec-offer", bool, lambda: offer_computing(net.network(), category=IEXEC_CATEGORY, key=net.key_of("pool"))
    )
    layout.shop_error.unlink(missing_ok=True)
    if options.stocked and (shop := net.fill_shop()) is not None:
        children.append(shop)


class _NetworkPlan:
    """Settings of every part."""

    def __init__(
        self,
        layout: Layout,
        sockets: ListenSockets,
        rpc_url: str,
        measurement: RuntimeMeasurement,
        storages: int,
        *,
        database: str,
    ) -> None:
        self._database = database  #: of market and pool; empty for SQLite files
        self._layout, self._sockets, self._rpc_url, self._measured = layout, sockets, rpc_url, measurement
        self._address, self._services = sockets.address, ServiceSettings(layout, sockets.address)
        self.key_of = account_keys(layout)  #: returns the key of an account of the network
        self._vaults = vault_names(layout, VAULTS)
        self._storage_names = storage_names(storages)
        for name in (*self._vaults.values(), MARKET, POOL, WEB, SMS, *((FAUCET, AUTHORITY) if self._address else ())):
            sockets.open(name)

    @property
    def gated(self) -> bool:
        """Return whether a gate owns the pool, as decided when the network was made."""
        return self._foundation.gate

    def prepare(self, *, gate: bool) -> None:
        """Deploy contracts, fund accounts and register the pool, unless this was done at an earlier start.

        Raises InputRefused if the network was made without the gate, or for apps on another Python.
        """
        package = cache_folder() / "poco"
        self._foundation = self.run_once(
            self._layout.foundation.stem,
            Foundation,
            lambda: lay_foundation(
                self._rpc_url,
                package,
                tuple(self._vaults),
                THRESHOLD,
                self._measured,
                gate=gate,
                key_of=self.key_of,
                names=account_names(self._layout),
            ),
        )
        if gate and not self.gated:
            raise InputRefused("this network was made without a gate; remove it first: sealgrid down --wipe")
        if self._foundation.python != self._measured.python:
            raise InputRefused(
                f"this network runs apps on Python {self._foundation.python}, and this is {self._measured.python}; "
                f"start it with Python {self._foundation.python}, or remove it first: sealgrid down --wipe"
            )
        broker = self._foundation.deployment.broker
        runtime = self._measured.runtime
        self.run_once(
            f"admit-{runtime}", bool, lambda: allow_runtime(self._rpc_url, broker, runtime, self.key_of("admin"))
        )

    def run_once(self, name: str, kind: type[T], work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run ``work`` unless it ran on this chain before; return its stored result.

        It runs in a child process: this process must have no event loop thread when it forks the parts.
        """
        result = self._layout.part(CHAIN) / f"{name}.json"

        def body(ready: OnReady) -> None:
            write_file(result, msgspec.json.encode(asyncio.run(work())))
            ready()

        if not result.exists():
            child = fork(name, self._layout.log("prepare"), body)
            child.wait_ready(STEP_SECONDS)
            os.waitpid(child.pid, 0)
        return msgspec.json.decode(result.read_bytes(), type=kind)

    def fill_shop(self) -> ChildProcess | None:
        """Offer the goods in a child process unless that was done on this chain before; return the process, if any.

        It writes why it failed to ``layout.shop_error``.
        """
        result = self._layout.part(CHAIN) / f"{SHOP}.json"

        def body(ready: OnReady) -> None:
            ready()
            try:
                filled = asyncio.run(list_goods(self.network(), self.key_of))
            except (SealgridError, OSError) as error:
                write_file(self._layout.shop_error, str(error).encode(errors="replace"))
                raise
            write_file(result, msgspec.json.encode(filled))

        return None if result.exists() else fork(SHOP, self._layout.log(SHOP), body, ends=True)

    def parts(self) -> list[tuple[str, Callable[[OnReady], None]]]:
        """Return the parts and the function that each runs."""
        vaults = [(name, self._vault(name)) for name in self._vaults.values()]
        others = ((MARKET, self._market()), (POOL, self._pool()), (SMS, self._sms()), (WORKER, self._worker()))
        return [*self._shared_parts(), *vaults, *others, (WEB, self._web())]

    def _shared_parts(self) -> list[tuple[str, Callable[[OnReady], None]]]:
        if self._address is None:
            return []
        return [(CHAIN_PROXY, self._chain_proxy()), (FAUCET, self._faucet()), (AUTHORITY, self._authority())]

    def network(self) -> Network:
        """Return the network file for programs of this machine."""
        return self._network(self._sockets.url, self._rpc_url)

    def _public_network(self) -> Network:
        """Return the network file for other machines."""
        if self._address is None:
            return self.network()
        return published(
            self._network(lambda name: self._access(name).public_url, self._access(CHAIN_PROXY).public_url)
        )

    def _network(self, url: Callable[[str], str], chain: str) -> Network:
        urls = ServiceUrls(
            chain=chain,
            vaults=tuple(VaultAddress(address, url(name)) for address, name in self._vaults.items()),
            storage=url(STORAGE),
            storage_copies=tuple(url(name) for name in self._storage_names[1:]),
            market=url(MARKET),
            pool=url(POOL),
            platform=self._sockets.url(PLATFORM),
            web=url(WEB),
            sms=url(SMS),
            faucet=url(FAUCET) if self._address else "",
            authority=url(AUTHORITY) if self._address else "",
        )
        name = self._address.network_name if self._address else LOCAL
        return network_file(self._layout, self._foundation, self._measured, urls, name)

    def _access(self, name: str) -> ServiceAccess:
        return self._services.of(name, self._sockets.url(name))

    @property
    def _identity(self) -> NetworkIdentity:
        return self.network().identity

    @property
    def _copy_urls(self) -> tuple[str, ...]:
        return tuple(self._sockets.url(name) for name in self._storage_names[1:])

    def write_storage_settings(self) -> None:
        """Write the settings that the storage nodes wait for."""
        services = [SigningKey.from_bytes(_storage_key(self._layout, name)[1]).address for name in (WEB, SMS)]
        nodes = tuple(self._sockets.url(name) for name in self._storage_names)
        settings = StorageSettings(self._identity.domain, self._sockets.url(WEB), frozenset(services), nodes)
        for name in self._storage_names:
            write_file(self._layout.storage_settings(name), msgspec.json.encode(settings))

    def _vault(self, name: str) -> Callable[[OnReady], None]:
        sock = self._sockets.of(name)
        config = vault_config(self._layout, name, self.network(), self._access(name))
        return lambda ready: asyncio.run(run_vault(config, sock, ready))

    def _market(self) -> Callable[[OnReady], None]:
        sock = self._sockets.of(MARKET)
        config = market_config(self._layout, self.network(), self._access(MARKET), self._database)
        return lambda ready: asyncio.run(run_market(config, sock, ready))

    def _pool(self) -> Callable[[OnReady], None]:
        sock = self._sockets.of(POOL)
        config = pool_config(self._layout, self.network(), self._access(POOL), self._database)
        return lambda ready: asyncio.run(run_pool(config, sock, ready))

    def _sms(self) -> Callable[[OnReady], None]:
        sock = self._sockets.of(SMS)
        config = SmsConfig(
            folder=self._layout.part(SMS),
            network=self._identity,
            storage_url=self._sockets.url(STORAGE),
            access=self._access(SMS),
            storage_copies=self._copy_urls,
            storage_key_file=_storage_key(self._layout, SMS)[0],
        )
        return lambda ready: asyncio.run(run_sms(config, sock, ready))

    def _web(self) -> Callable[[OnReady], None]:
        sock, shared = self._sockets.of(WEB), self._address is not None
        config = WebConfig(
            folder=self._layout.part(WEB),
            network=self._public_network(),
            libraries=cache_folder(),
            data=None if shared else self._layout.root,
            rpc_url=self._rpc_url,
            storage_key_file=_storage_key(self._layout, WEB)[0],
            access=self._access(WEB),
        )
        return lambda ready: asyncio.run(run_web(config, sock, ready))

    def _chain_proxy(self) -> Callable[[OnReady], None]:
        sock, config = self._sockets.of(CHAIN_PROXY), ChainProxyConfig(self._rpc_url, self._access(CHAIN_PROXY))
        return lambda ready: asyncio.run(run_chain_proxy(config, sock, ready))

    def _faucet(self) -> Callable[[OnReady], None]:
        sock = self._sockets.of(FAUCET)
        config = FaucetConfig(
            key_file=key_file(self._layout, FAUCET),
            node_url=self._rpc_url,
            token=self._foundation.deployment.token,
            access=self._access(FAUCET),
        )
        return lambda ready: asyncio.run(run_faucet(config, sock, ready))

    def _authority(self) -> Callable[[OnReady], None]:
        sock = self._sockets.of(AUTHORITY)
        config = AuthorityConfig(
            folder=self._layout.part(AUTHORITY),
            platform=self._layout.part(PLATFORM),
            pool=AdmittingPool(self._foundation.workerpool, self.key_of(POOL).address),
            domain=self._identity.domain,
            access=self._access(AUTHORITY),
        )
        return lambda ready: asyncio.run(run_authority(config, sock, ready))

    def _worker(self) -> Callable[[OnReady], None]:
        config = worker_config(self._layout, self.network(), WORKER)

        def end() -> None:
            remove_relay_folders(config.folder)
            os._exit(0)  # the platform, which ends too, stops the enclaves

        async def work(ready: OnReady) -> None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
            await run_worker(config, ready)

        return lambda ready: asyncio.run(work(ready))


def _chain_id(layout: Layout, options: NetworkOptions) -> int:
    """Return the id that the network was made with, or that a new one gets; raise InputRefused for another."""
    if options.chain not in {None, *CHAINS}:
        raise InputRefused(f"a local chain has one of these ids: {', '.join(map(str, CHAINS))}.")
    if not layout.foundation.exists():
        return options.chain or LOCAL_CHAIN
    made_with = msgspec.json.decode(layout.foundation.read_bytes(), type=Foundation).deployment.chain
    if options.chain not in {None, made_with}:
        raise InputRefused(f"this network was made with chain id {made_with}; remove it first: sealgrid down --wipe")
    return made_with


def _chain(layout: Layout, port: int, chain: int) -> ChildProcess:
    config = AnvilConfig(
        binary=cache_folder() / "anvil" / "bin" / "anvil",
        state=layout.chain_state,
        log=layout.log("anvil"),
        port=port,
        chain=chain,
        funds_development_accounts=not is_shared(layout),
    )

    async def run_anvil(ready: OnReady) -> None:
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        async with await Anvil.start(config):
            ready()
            await stopped.wait()

    return fork(CHAIN, layout.log(CHAIN), lambda ready: asyncio.run(run_anvil(ready)))


def _storage_key(layout: Layout, name: str) -> tuple[Path, bytes]:
    """Return the file of the key that a service uploads with, and the key; make it when there is none."""
    path = layout.part(name) / "storage.key"
    if not path.exists():
        write_file(path, SigningKey.generate().secret.hex().encode())
    return path, bytes.fromhex(path.read_text())
