"""Files of the services that anyone may run for a network: market, storage node and pages."""

from pathlib import Path
from typing import Final

import msgspec

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.market.config import MarketConfig
from sealgrid.sdk.network import Network, load_network, published
from sealgrid.storage.atomic_file import write_file
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.units import Address, to_address
from sealgrid.web.runner import WebConfig
from sealgrid.wire.service_access import LOOPBACK, ServiceAccess
from sealgrid.wire.settings_file import require_new, toml

NETWORK, KEY = "network.json", "uploads.key"  #: beside the TOML file
_STORAGE_RATE: Final = 3000  #: requests of one client in a minute: each piece of 1 MiB is one


class ServiceFile(ServiceAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of every service's file. Paths are relative to the file's folder."""

    network: Path = Path(NETWORK)  #: the network file
    folder: Path = Path("data")
    host: str = LOOPBACK  #: address to listen on
    port: int


class MarketFile(ServiceFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a market."""

    port: int = 8561
    database: str = ""  #: SQLAlchemy URL of a PostgreSQL that replicas share; empty for a file in the folder
    first_block: int = 0  #: of the hub's deployment
    orders_per_signer: int = 2000  #: open orders of one kind at one time
    listeners: int = 500  #: connections to the feed at one time
    listeners_per_client: int = 20

    def config(self, base: Path) -> MarketConfig:
        """Return the settings of the service whose file is in ``base``."""
        return MarketConfig(
            folder=base / self.folder,
            network=load_network(base / self.network).identity,
            first_block=self.first_block,
            database=self.database,
            orders_per_signer=self.orders_per_signer,
            access=self.relative_to(base),
            listeners=self.listeners,
            listeners_per_client=self.listeners_per_client,
        )


class StorageFile(ServiceFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a storage node."""

    port: int = 8562
    requests_per_minute: int = _STORAGE_RATE
    services: tuple[Address, ...] = ()  #: accounts of the operator, which need no balance
    file_limit: int = 8 << 30  #: bytes of one file
    total_limit: int = 64 << 30  #: bytes of disk for all files and uploads together

    def config(self, base: Path) -> StorageNodeConfig:
        """Return the settings of the service whose file is in ``base``; raise InputRefused for a malformed address."""
        network = load_network(base / self.network)
        try:
            services = frozenset(map(to_address, self.services))
        except ValueError as error:
            raise InputRefused(f"services: {error}.") from error
        url = self.public_url or f"http://{self.host}:{self.port}"
        return StorageNodeConfig(
            folder=base / self.folder,
            url=url,
            domain=network.identity.domain,
            chain_url=network.web_url,
            others=tuple(node for node in network.storage_nodes if node != url),
            services=services,
            file_limit=self.file_limit,
            total_limit=self.total_limit,
            access=self.relative_to(base),
        )


class WebFile(ServiceFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of the pages, which have no built-in wallets."""

    port: int = 8563
    key_file: Path = Path(KEY)  #: of the account that uploads visitors' files, mode 0600
    rpc_url: str = ""  #: node of the chain for the pages themselves; empty for the one in the network file

    def config(self, base: Path, libraries: Path) -> WebConfig:
        """Return the settings of the service whose file is in ``base``; ``libraries`` has the pinned scripts."""
        return WebConfig(
            folder=base / self.folder,
            network=load_network(base / self.network),
            libraries=libraries,
            storage_key_file=base / self.key_file,
            access=self.relative_to(base),
            rpc_url=self.rpc_url,
        )


def create_file(path: Path, kind: type[ServiceFile], network: Network) -> None:
    """Write a settings file with the defaults of its kind, the network file and, for the pages, a new key beside it.

    Raises InputRefused if the file exists.
    """
    require_new(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    public = msgspec.structs.replace(published(network), folder="")
    write_file(path.parent / NETWORK, msgspec.json.format(msgspec.json.encode(public)), mode=0o644)
    if kind is WebFile:
        write_file(path.parent / KEY, SigningKey.generate().secret.hex().encode(), replace=False)
    own = set(kind.__struct_fields__) - set(ServiceAccess.__struct_fields__)
    shown = own | {"public_url", "requests_per_minute", "trusted_proxies", "admin"}
    defaults = msgspec.structs.asdict(kind())  # type: ignore[call-arg]  # each kind has a port
    lines = [f"{name} = {toml(value)}" for name, value in defaults.items() if name in shown]
    write_file(path, ("\n".join([_HEAD, *lines]) + "\n").encode())


_HEAD: Final = "# Settings of one service; docs/howto/behind-a-proxy.md and operate-services.md explain them."
