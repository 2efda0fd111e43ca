"""What a worker must be told once."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.units import Address


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """One worker of one pool."""

    folder: Path  #: cache, job notes
    key_file: Path  #: the worker's chain key, mode 0600
    network: NetworkIdentity
    workerpool: Address
    pool_url: str
    storage_url: str
    platform_url: str
    wheels: tuple[Path, ...] = ()  #: folders with wheel files that apps may need
    market_url: str = ""  #: where requesters publish orders that no calldata hold; empty where none is asked
    sms_url: str = ""  #: where beneficiaries registered RSA keys for results; empty where nobody could
    storage_copies: tuple[str, ...] = ()  #: more storage nodes; results go to each
    cache_bytes: int = 16 << 30
