"""Settings of each service of a local network, derived from its network file."""

from dataclasses import dataclass, replace
from pathlib import Path

from sealgrid.attestation.policy import Platform
from sealgrid.chain.network_identity import LOCAL_CHAIN
from sealgrid.localnet.account_seed import is_shared
from sealgrid.localnet.layout import MARKET, POOL, THRESHOLD, Layout, cache_folder
from sealgrid.localnet.network_accounts import account_keys
from sealgrid.localnet.prepare import Foundation
from sealgrid.market.config import MarketConfig
from sealgrid.pool.config import PoolConfig
from sealgrid.sdk.network import Network, PinnedPool, Root, VaultAddress
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Address
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.keys import load_key_files
from sealgrid.wire.platform import RuntimeMeasurement
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.worker.config import WorkerConfig

POOL_POLL_SECONDS = 0.1  #: the local chain makes a block for each transaction
LOCAL = "local"  #: name of a network of this machine, and of its pool
SHARED_PREVIEWS, SHARED_LISTENERS = 120, 20  #: of one client a minute, and at one time
SHARED_INPUTS, LOCAL_INPUTS = 10_000, 1_000  #: sealed inputs of one client an hour: a bag has one for each of its tasks
WORKERS = ("worker", "worker2", "worker3")  #: development accounts that the local pool admits


@dataclass(frozen=True, slots=True)
class ServiceUrls:
    """Where the parts of a network answer."""

    chain: str
    vaults: tuple[VaultAddress, ...]  #: ascending by address
    storage: str
    market: str
    pool: str
    platform: str
    storage_copies: tuple[str, ...] = ()
    web: str = ""  #: empty without the pages
    sms: str = ""  #: empty without the iExec SMS adapter
    faucet: str = ""  #: empty in a network of this machine, as the authority
    authority: str = ""


def vault_names(layout: Layout, number: int) -> dict[Address, str]:
    """Return the address and the name of each vault, ascending by address; make the keys of new ones."""
    names = (f"vault-{n}" for n in range(1, number + 1))
    return dict(sorted((load_key_files(layout.part(name)).address, name) for name in names))


def network_file(
    layout: Layout, foundation: Foundation, measured: RuntimeMeasurement, urls: ServiceUrls, name: str = LOCAL
) -> Network:
    """Return the network file for clients."""
    deployment = foundation.deployment
    return Network(
        name=name,
        chain=deployment.chain,
        genesis=deployment.genesis,
        rpc_url=urls.chain,
        hub=deployment.hub,
        broker=deployment.broker,
        token=deployment.token,
        app_registry=deployment.app_registry,
        dataset_registry=deployment.dataset_registry,
        workerpool_registry=deployment.workerpool_registry,
        vaults=urls.vaults,
        threshold=THRESHOLD,
        roots=(Root(Platform.SIMULATED, measured.root_ca_der),),
        allow_simulated=True,
        runtimes=(measured.runtime,),
        platform=measured.platform,
        python=measured.python,
        storage_url=urls.storage,
        storage_copies=urls.storage_copies,
        market_url=urls.market,
        pool_url=urls.pool,
        workerpool=foundation.workerpool,
        short_category=deployment.categories["Short"],
        pool_group=foundation.pool_group,
        pools=(PinnedPool(foundation.workerpool, LOCAL),),
        folder=str(layout.root),
        platform_url=urls.platform,
        web_url=urls.web,
        sms_url=urls.sms,
        faucet_url=urls.faucet,
        authority_url=urls.authority,
    )


def vault_config(layout: Layout, name: str, network: Network, access: ServiceAccess) -> VaultConfig:
    """Return the settings of one vault."""
    own = load_key_files(layout.part(name)).address
    # One node, named twice: the vault compares two answers, as it does with two nodes. Under a public chain's id a
    # vault requires two names.
    again = network.rpc_url if network.chain == LOCAL_CHAIN else network.rpc_url.replace("127.0.0.1", "localhost")
    return VaultConfig(
        folder=layout.part(name),
        network=replace(network.identity, rpc_urls=(network.rpc_url, again)),
        storage_url=network.storage_url,
        storage_copies=network.storage_copies,
        roots=tuple(root.trusted() for root in network.roots),
        peers=tuple((vault.address, vault.url) for vault in network.vaults if vault.address != own),
        insecure_allow_simulated=True,
        previews_per_minute=SHARED_PREVIEWS if is_shared(layout) else 0,
        inputs_per_hour=SHARED_INPUTS if is_shared(layout) else LOCAL_INPUTS,
        access=access,
    )


def market_config(layout: Layout, network: Network, access: ServiceAccess, database: str = "") -> MarketConfig:
    """Return the settings of the market; ``database`` as in MarketConfig."""
    folder = layout.part(MARKET)
    return MarketConfig(
        folder=folder,
        network=network.identity,
        access=access,
        listeners_per_client=SHARED_LISTENERS * is_shared(layout),
        database=database,
    )


def pool_config(layout: Layout, network: Network, access: ServiceAccess, database: str = "") -> PoolConfig:
    """Return the settings of the pool; ``database`` as in PoolConfig. Writes where its owner's commands find it."""
    (runtime,) = network.runtimes
    config = PoolConfig(
        folder=layout.part(POOL),
        network=network.identity,
        workerpool=network.workerpool,
        key_file=key_file(layout, POOL),
        workers=frozenset(account_keys(layout)(name).address for name in WORKERS),
        machines=(OfferedMachine(runtime=runtime, platform=network.platform),),
        poll_seconds=POOL_POLL_SECONDS,
        access=access,
        storage_url=network.storage_url,
        storage_copies=network.storage_copies,
        database=database,
    )
    write_file(layout.pool_store, config.store_url.encode())
    return config


def worker_config(layout: Layout, network: Network, name: str) -> WorkerConfig:
    """Return the settings of a worker of the local pool, named after a development account."""
    return WorkerConfig(
        folder=layout.part(name),
        key_file=key_file(layout, name),
        network=network.identity,
        workerpool=network.workerpool,
        pool_url=network.pool_url,
        storage_url=network.storage_url,
        platform_url=network.platform_url,
        wheels=(cache_folder() / "wheels",),
        market_url=network.market_url,
        sms_url=network.sms_url,
        storage_copies=network.storage_copies,
        storage_mirrors=network.storage_mirrors,
    )


def key_file(layout: Layout, name: str) -> Path:
    """Write the key of one of the network's accounts into the private folder of its part; return the file."""
    path = layout.part(name) / "chain.key"
    write_file(path, account_keys(layout)(name).secret.hex().encode())
    return path
