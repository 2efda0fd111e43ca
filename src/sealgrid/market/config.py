"""Configuration of a market."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """One order book for one hub."""

    folder: Path
    network: NetworkIdentity
    first_block: int = 0  #: block of the hub's deployment; reading starts here
    follow_seconds: float = 0.1  #: between two polls of the chain
    database: str = ""  #: SQLAlchemy URL of a PostgreSQL that replicas share; empty stores orders in the folder
    orders_per_signer: int = 2000  #: open orders of one kind at one time
    access: ServiceAccess = DEFAULT_ACCESS
    largest_body: int = 64 << 10  #: bytes
    listeners: int = 500  #: connections to the feed at one time
    listeners_per_client: int = 20  #: of them; 0 sets no limit, for clients behind one address
