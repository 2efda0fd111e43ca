"""Configuration of a pool, and its key file."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.chain.blocks import BlockTag, confirmation_of, usual_depth
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.pool.rules import PoolRules
from sealgrid.units import Address
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.service_access import ServiceAccess

#: Clients that follow a task may poll up to ten times a second.
DEFAULT_POOL_ACCESS: Final = ServiceAccess(requests_per_minute=1800)


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """One workerpool on one hub; ``key_file`` (mode 0600) holds its owner's key (32 bytes, or 64 hex digits)."""

    folder: Path
    network: NetworkIdentity  #: without vaults, the pool checks no refusals
    workerpool: Address
    key_file: Path
    lease_seconds: float = 30.0  #: a worker without a report for this long loses its task
    #: Pause before a failed transaction is retried, or a worker may take a task that it lost.
    retry_seconds: float = 5.0
    poll_seconds: float = 0.2  #: between two polls of the chain
    first_block: int = 0  #: first block to read on the first start
    #: Confirmations before a block is applied; 1 is the head, 0 as the chain's blocks need (``usual_depth``).
    confirmations: int = 0
    workers: frozenset[Address] = frozenset()  #: allowed workers; empty admits none
    open_admission: bool = False  #: admit every worker that asks and was not removed
    bond: int = 0  #: escrow that a worker without an invitation needs, in nRLC; 0 for none
    #: Worker accounts whose results the pool sends, and pays their gas; None for all, empty for none.
    worker_accounts: frozenset[Address] | None = None
    tasks_per_worker: int = 4  #: tasks that one worker may have at one time, and so delay until their deadline
    #: Tasks of one requester that workers have or may take; others wait in its backlog. 0 sets no limit.
    tasks_per_requester: int = 2000
    tasks_per_app: int = 4000  #: the same for one app
    urgent_seconds: int = 120  #: a task that must start within this time is assigned first
    replicas: int = 2  #: workers that must agree on the result of a task without a TEE
    tail_copies: bool = True  #: whether idle workers also compute the last tenth of a deal (docs/protocol/pool.md)
    machines: tuple[OfferedMachine, ...] = ()  #: machine kinds of its workers, for requesters
    access: ServiceAccess = DEFAULT_POOL_ACCESS
    storage_url: str = ""  #: node that has the apps' bundles, with their memory limits; empty leaves them unknown
    storage_copies: tuple[str, ...] = ()  #: further nodes that have them
    database: str = ""  #: SQLAlchemy URL of a PostgreSQL that replicas share; empty stores tasks in the folder

    @property
    def store_url(self) -> str:
        """Return the SQLAlchemy URL of its database."""
        return self.database or f"sqlite:///{self.folder}/tasks.sqlite"

    @property
    def depth(self) -> int:
        """Return the confirmations before a block is applied, at least 1."""
        return self.confirmations or usual_depth(self.network.chain)

    @property
    def final(self) -> BlockTag | None:
        """Return the tag by which the node marks blocks that need no depth; None where the file sets one."""
        rule = confirmation_of(self.network.chain).block
        return rule if isinstance(rule, str) and not self.confirmations else None

    @property
    def rules(self) -> PoolRules:
        """Return the rules of task assignment."""
        return PoolRules(
            lease=self.lease_seconds,
            retry=self.retry_seconds,
            urgent=self.urgent_seconds,
            tasks_per_worker=self.tasks_per_worker,
            tasks_per_requester=self.tasks_per_requester,
            tasks_per_app=self.tasks_per_app,
            replicas=self.replicas,
            tail_copies=self.tail_copies,
        )


def read_key(path: Path) -> SigningKey:
    """Return the key in a file of 32 bytes or 64 hex digits; raise InputRefused, without its content in the message."""
    try:
        mode, content = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    except OSError as error:
        raise InputRefused(f"the pool's key file {path.name} cannot be read ({error.strerror}).") from None
    if mode & 0o077:
        raise InputRefused(f"{path.name} is readable by others; set mode 600.")
    try:
        secret = content if len(content) == 32 else bytes.fromhex(content.decode().strip().removeprefix("0x"))
        return SigningKey.from_bytes(secret)
    except ValueError:
        raise InputRefused(f"{path.name} is not a valid key file; it needs 32 bytes or 64 hex digits.") from None
