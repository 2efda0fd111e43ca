"""What the face is told at its start."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class SmsConfig:
    """One face before one federation of vaults."""

    folder: Path
    network: NetworkIdentity
    storage_url: str  #: where the sealed secrets of developers go
    storage_copies: tuple[str, ...] = ()  #: more storage nodes; they go to each
    storage_key_file: Path | None = None  #: key of the account that uploads them; the storage node lists it
    vault_seconds: float = 10.0  #: that a vault may take for one answer
    most_deliveries: int = 1000  #: keys at one time that not every vault took yet
    most_result_keys: int = 100_000  #: each below 10 kB on the disk, and as much for those that it replaced
    access: ServiceAccess = DEFAULT_ACCESS
