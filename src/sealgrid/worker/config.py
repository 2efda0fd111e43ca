"""Configuration of a worker."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.units import Address


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Configuration of one worker of one pool."""

    folder: Path  #: cache, exposure logs, checkpoint
    key_file: Path  #: the worker's chain key, mode 0600
    network: NetworkIdentity
    workerpool: Address
    pool_url: str
    storage_url: str
    platform_url: str
    wheels: tuple[Path, ...] = ()  #: folders with wheels and environments for apps
    market_url: str = ""  #: source of request orders that are not in calldata; empty for none
    sms_url: str = ""  #: registry of beneficiaries' RSA keys for results; empty for none
    storage_copies: tuple[str, ...] = ()  #: further storage nodes; results are stored on each
    storage_mirrors: tuple[str, ...] = ()  #: object stores and IPFS gateways that have copies of files
    cache_bytes: int = 16 << 30
    memory: int = 0  #: bytes that one app may have; 0 for any
    apps: tuple[Address, ...] = ()  #: that it runs; empty for all
    requesters: tuple[Address, ...] = ()  #: for whom it runs jobs; empty for all
    account: Address | None = None  #: WorkerAccount that PoCo pays; None for the worker's own key
