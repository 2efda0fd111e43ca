"""Settings of the iExec SMS adapter."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class SmsConfig:
    """Settings of one adapter in front of one federation of vaults."""

    folder: Path
    network: NetworkIdentity
    storage_url: str  #: storage node of the sealed secrets
    storage_copies: tuple[str, ...] = ()  #: further storage nodes; every file is stored at each
    storage_key_file: Path | None = None  #: key of the uploading account, which the storage node lists
    vault_timeout: float = 10.0  #: seconds for one reply of a vault
    max_deliveries: int = 1000  #: unfinished deliveries at one time
    max_result_keys: int = 100_000  #: accounts; each takes at most 400 kB on disk, usually below 1 kB a key
    pushes_per_hour: int = 300  #: requesters' secrets and keys for results of one client; 0 for no limit
    access: ServiceAccess = DEFAULT_ACCESS
