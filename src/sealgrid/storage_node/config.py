"""What a storage node is told at its start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.crypto.signing import Domain
from sealgrid.units import Address
from sealgrid.wire.service_access import ServiceAccess

#: Files move in pieces of 1 MiB, a request each.
DEFAULT_STORAGE_ACCESS: Final = ServiceAccess(requests_per_minute=3000)
RLC = 10**9  #: nRLC


@dataclass(frozen=True, slots=True)
class BalanceQuota:
    """How much a balance in PoCo's escrow lets an account store."""

    least_balance: int = RLC  #: nRLC; an account with less has what its network address has
    bytes_per_rlc: int = 1 << 30
    most_bytes: int = 32 << 30
    files: int = 20_000
    uploads: int = 32


@dataclass(frozen=True, slots=True)
class StorageNodeConfig:
    """Where a storage node keeps files, how many it takes, and from whom."""

    folder: Path
    url: str = ""  #: the node's URL in the network file, which upload tickets name; empty takes no tickets
    domain: Domain | None = None  #: of the tickets' signatures; None takes no tickets
    chain_url: str = ""  #: the service that reads the chain for this node (docs/protocol/storage.md); empty for none
    services: frozenset[Address] = frozenset()  #: accounts that need no balance: the operator's own services
    file_limit: int = 8 << 30  #: bytes of one file
    total_limit: int = 64 << 30  #: bytes of disk for all files and uploads together
    total_files: int = 1_000_000
    upload_seconds: float = 600.0  #: an upload that is silent for so long is removed
    open_uploads: int = 256  #: at one time
    access: ServiceAccess = DEFAULT_STORAGE_ACCESS
    address_bytes: int = 2 << 30  #: bytes of disk for one network address without a ticket
    address_files: int = 2_000
    address_uploads: int = 16
    standing: BalanceQuota = BalanceQuota()
