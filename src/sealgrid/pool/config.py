"""What a pool is told at its start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.pool.events import PoolTimeouts
from sealgrid.units import Address
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.service_access import ServiceAccess

#: Who follows a task asks up to ten times a second.
DEFAULT_POOL_ACCESS: Final = ServiceAccess(requests_per_minute=1800)


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """One workerpool on one hub; ``key_file`` (mode 0600) holds its owner's key (32 bytes, or 64 hex digits)."""

    folder: Path
    network: NetworkIdentity  #: without vaults, the pool checks no refusals
    workerpool: Address
    key_file: Path
    lease_seconds: float = 30.0  #: a silent worker loses its task after so long
    retry_seconds: float = 5.0  #: between two tries of a failed transaction, or of a worker that lost a task
    poll_seconds: float = 0.2  #: between two looks at the chain
    first_block: int = 0  #: where to begin reading a chain that was never read
    confirmations: int = 1  #: blocks from the one that is believed to the head, both counted
    workers: frozenset[Address] = frozenset()  #: who gets tasks; empty for nobody
    machines: tuple[OfferedMachine, ...] = ()  #: kinds of machines that its workers have, for whoever buys
    access: ServiceAccess = DEFAULT_POOL_ACCESS

    @property
    def rules(self) -> PoolTimeouts:
        """Return the durations that decide who gets a task."""
        return PoolTimeouts(lease=self.lease_seconds, retry=self.retry_seconds, single_enclave=True)
