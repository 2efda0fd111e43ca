"""Files and folders of a local network, and the names of its parts."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.chain.network_identity import LOCAL_CHAIN
from sealgrid.errors import SetupMissing
from sealgrid.sdk.stores.home import user_data_folder
from sealgrid.storage.set_up_cache import checkout_folder, set_up_cache

CHAIN, STORAGE, PLATFORM, MARKET, POOL, WORKER, WEB, SMS = (
    "chain",
    "storage",
    "platform",
    "market",
    "pool",
    "worker",
    "web",
    "sms",
)
SHOP = "shop"  #: the process that offers the goods of a fresh network, and ends
CHAIN_PROXY, FAUCET, AUTHORITY = "chain-proxy", "faucet", "authority"  #: parts of a shared network
POSTGRES = "postgres"  #: the database of market and pool, if the network has one of its own
EMBEDDED: Final = "embedded"  #: value of ``NetworkOptions.postgres`` for that
VAULTS = 3
THRESHOLD = 2


#: Ids that a local chain may have. A transaction that is signed for an id is valid on every chain with that id and
#: nonce: never the id of a chain with real money.
ARBITRUM_SEPOLIA: Final = 421614
CHAINS: Final = (LOCAL_CHAIN, ARBITRUM_SEPOLIA)


def storage_names(number: int) -> tuple[str, ...]:
    """Return the names of the storage nodes of a network."""
    return (STORAGE, *(f"{STORAGE}-{n}" for n in range(2, number + 1)))


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Options of ``sealgrid up``."""

    port: int = 0  #: of the chain; the other parts take the ports after it. 0 takes free ports
    stocked: bool = False  #: put the shipped apps, a model and a table up for sale, in the background
    gate: bool = False  #: a PoolGate owns the pool, as on hubs that ask no broker; new networks only
    storages: int = 1  #: number of storage nodes; with two, each stores every file
    host: str = ""  #: address or name at which other machines reach the network; empty for this machine only
    certificate: Path | None = None  #: PEM file with the certificate chain of ``host``; None for plain HTTP
    certificate_key: Path | None = None  #: PEM file with its key
    chain: int | None = None  #: id of the chain, one of CHAINS; None for the one that the network was made with
    postgres: str = ""  #: SQLAlchemy URL of the database of market and pool, or EMBEDDED; empty for SQLite files


@dataclass(frozen=True, slots=True)
class Layout:
    """The data folder of one local network."""

    root: Path

    @property
    def network(self) -> Path:
        """Return the network file for clients; it exists while the network runs."""
        return self.root / "network.json"

    @property
    def deployment(self) -> Path:
        """Return the file that stores the contracts' addresses between runs."""
        return self.root / "deployment.json"

    @property
    def services(self) -> Path:
        """Return the access settings of services behind a proxy (docs/howto/behind-a-proxy.md)."""
        return self.root / "services.toml"

    @property
    def account_seed(self) -> Path:
        """Return the secret of a shared network's accounts; absent in a network of development accounts."""
        return self.root / "accounts.seed"

    @property
    def foundation(self) -> Path:
        """Return the file with the contracts of the chain; it exists once they are deployed."""
        return self.root / CHAIN / "foundation.json"

    @property
    def lock(self) -> Path:
        """Return the supervisor's lock file, which contains its process id."""
        return self.root / "supervisor.lock"

    @property
    def pool_store(self) -> Path:
        """Return the file with the SQLAlchemy URL of the pool's database."""
        return self.part(POOL) / "store-url"

    @property
    def chain_state(self) -> Path:
        """Return anvil's dumped state."""
        return self.part("chain") / "state.json"

    @property
    def start_error(self) -> Path:
        """Return the file with the reason why the last start failed; it exists only then."""
        return self.root / "start-error.txt"

    @property
    def shop_error(self) -> Path:
        """Return the file with the reason why the shop is empty; it exists only then."""
        return self.root / "shop-error.txt"

    def storage_settings(self, name: str) -> Path:
        """Return the file that a storage node waits for."""
        return self.part(name) / "settings.json"

    def part(self, name: str) -> Path:
        """Return the private folder of one part."""
        folder = self.root / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def logs(self) -> Path:
        """Return the folder of all logs."""
        return self.part("logs")

    def log(self, name: str) -> Path:
        """Return the log of one part."""
        return self.logs / f"{name}.log"


def default_folder() -> Path:
    """Return SEALGRID_HOME, or the user's data folder."""
    chosen = os.environ.get("SEALGRID_HOME")
    return Path(chosen) if chosen else user_data_folder() / "localnet"


def cache_folder() -> Path:
    """Return the folder that `make setup` or `sealgrid setup` fills; raise SetupMissing if there is none."""
    folder = set_up_cache()
    if not (folder / "anvil").is_dir():
        todo = "`make setup` in the checkout" if checkout_folder() else "`sealgrid setup`"
        raise SetupMissing(f"the local chain is not installed; run {todo}.")
    return folder
