"""What a pool is told at its start."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.pool.events import PoolTimeouts
from sealgrid.units import Address, Digest
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.service_access import ServiceAccess

#: Who follows a task asks up to ten times a second.
DEFAULT_POOL_ACCESS: Final = ServiceAccess(requests_per_minute=1800)


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """One workerpool on one hub; ``key_file`` (mode 0600) holds its owner's key (32 bytes, or 64 hex digits)."""

    folder: Path
    rpc_url: str
    chain: int
    genesis: Digest
    hub: Address
    broker: Address
    workerpool: Address
    key_file: Path
    lease_seconds: float = 30.0  #: a silent worker loses its task after so long
    retry_seconds: float = 5.0  #: between two tries of a failed transaction, or of a worker that lost a task
    poll_seconds: float = 0.2  #: between two looks at the chain
    first_block: int = 0  #: where to begin reading a chain that was never read
    confirmations: int = 1  #: blocks from the one that is believed to the head, both counted
    workers: frozenset[Address] = frozenset()  #: who gets tasks; empty for nobody
    vaults: tuple[tuple[Address, str], ...] = ()  #: the federation, ascending, and where its members answer
    threshold: int = 0  #: t; 0 where no vault is asked about refusals
    machines: tuple[OfferedMachine, ...] = ()  #: kinds of machines that its workers have, for whoever buys
    access: ServiceAccess = DEFAULT_POOL_ACCESS

    @property
    def rules(self) -> PoolTimeouts:
        """Return the durations that decide who gets a task."""
        return PoolTimeouts(lease=self.lease_seconds, retry=self.retry_seconds, single_enclave=True)


def read_key(path: Path) -> SigningKey:
    """Return the key in a file of 32 bytes or 64 hex digits; raise InputRefused, never showing what it holds."""
    try:
        mode, content = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    except OSError as error:
        raise InputRefused(f"the pool's key file {path.name} cannot be read ({error.strerror}).") from None
    if mode & 0o077:
        raise InputRefused(f"others may read {path.name}; a key file needs mode 600.")
    try:
        secret = content if len(content) == 32 else bytes.fromhex(content.decode().strip().removeprefix("0x"))
        return SigningKey.from_bytes(secret)
    except ValueError:
        raise InputRefused(f"{path.name} holds no key: 32 bytes or 64 hex digits.") from None
