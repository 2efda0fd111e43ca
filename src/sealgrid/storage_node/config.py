"""Configuration of a storage node."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.crypto.signing import Domain
from sealgrid.units import Address
from sealgrid.wire.service_access import ServiceAccess

#: Each piece of 1 MiB is one request.
DEFAULT_STORAGE_ACCESS: Final = ServiceAccess(requests_per_minute=3000)
RLC = 10**9  #: nRLC


@dataclass(frozen=True, slots=True)
class BalanceQuota:
    """Storage that a balance in PoCo's escrow gives an account."""

    min_balance: int = RLC  #: nRLC; an account with less uses the quota of its network address
    bytes_per_rlc: int = 1 << 30
    max_bytes: int = 32 << 30
    files: int = 20_000
    uploads: int = 32


@dataclass(frozen=True, slots=True)
class StorageNodeConfig:
    """Folder, limits and clients of a storage node."""

    folder: Path
    url: str = ""  #: URL of the node in the network file, which upload tickets name; empty accepts no tickets
    domain: Domain | None = None  #: EIP-712 domain of tickets; None accepts no tickets
    chain_url: str = ""  #: service that reads the chain (docs/protocol/storage.md); empty for none
    others: tuple[str, ...] = ()  #: URLs of the network's other nodes, from which it fetches files that it lacks
    services: frozenset[Address] = frozenset()  #: accounts without a balance requirement: services of the operator
    file_limit: int = 8 << 30  #: bytes of one file
    total_limit: int = 64 << 30  #: bytes of disk for all files and uploads together
    total_files: int = 1_000_000
    upload_seconds: float = 600.0  #: a silent upload is removed after this time
    open_uploads: int = 256  #: at one time
    access: ServiceAccess = DEFAULT_STORAGE_ACCESS
    address_bytes: int = 2 << 30  #: bytes of disk for one network address without a ticket
    address_files: int = 2_000
    address_uploads: int = 16
    balance_quota: BalanceQuota = BalanceQuota()
