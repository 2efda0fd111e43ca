"""What a market is told at its start."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """One order book for one hub."""

    folder: Path
    network: NetworkIdentity
    first_block: int = 0  #: where the hub was deployed; nothing before it is read
    follow_seconds: float = 0.1  #: between two looks at the chain
    database: str = ""  #: SQLAlchemy's address of a PostgreSQL that replicas share; empty keeps orders in the folder
    orders_per_signer: int = 2000  #: open at one time, of one kind
    access: ServiceAccess = DEFAULT_ACCESS
    largest_body: int = 64 << 10  #: bytes
    listeners: int = 500  #: connections to the feed at one time
    listeners_per_client: int = 20  #: of them; 0 sets no limit, where all share one address
