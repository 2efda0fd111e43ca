"""One vault with all that it works with. ``deposits.py`` serves owners from it, ``tasks.py`` enclaves and requesters.

In each of their methods the rules, the writing and the signing come after the last ``await``, so that two requests at
once never decide on the same state.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.statements import DepositKey
from sealgrid.attestation.vault_log import head_of
from sealgrid.crypto.merkle import Frontier
from sealgrid.crypto.signing import Statement
from sealgrid.units import Address, to_digest
from sealgrid.vault.chain.reader import ChainReader
from sealgrid.vault.federation import Federation
from sealgrid.vault.handlers.settled_files import Files
from sealgrid.vault.keys import VaultKeys
from sealgrid.vault.stores.database import Store
from sealgrid.vault.stores.history import History
from sealgrid.vault.stores.log_store import Log
from sealgrid.vault.stores.opened_keys import OpenedKeys
from sealgrid.vault.stores.share_store import Custody
from sealgrid.vault.stores.task_store import Journal
from sealgrid.vault.stores.unopened_keys import UnopenedKeys
from sealgrid.wire.log import SignedHead
from sealgrid.wire.vault import Identity


@dataclass(frozen=True, slots=True)
class Rules:
    """What a vault was configured to insist on."""

    roots: tuple[TrustRoot, ...]
    simulated: bool  #: whether simulated evidence counts
    nonce_ttl: int  #: seconds
    seconds_left: int  #: before the contribution deadline
    previews_per_minute: int = 0  #: of one client; 0 for any number


@dataclass(frozen=True, slots=True)
class Vault:
    """One vault of a federation."""

    federation: Federation
    rules: Rules
    keys: VaultKeys = field(repr=False)
    store: Store
    custody: Custody
    journal: Journal
    history: History
    unopened: UnopenedKeys
    opened: OpenedKeys
    log: Log
    chain: ChainReader
    files: Files
    clock: Callable[[], int]  #: Unix seconds
    random: Callable[[int], bytes]
    identity: Identity  #: who this vault is, with its signed deposit key

    @property
    def us(self) -> Address:
        """Return the address that the broker lists."""
        return self.federation.us

    def sign(self, statement: Statement) -> bytes:
        """Sign in the federation's domain."""
        return statement.sign(self.federation.domain, self.keys.signing)

    def signed_head(self, frontier: Frontier, at: int) -> SignedHead:
        """Sign what our log is, or will be once it has its next entry."""
        head = head_of(self.us, frontier.size, frontier.root, at)
        return SignedHead(head=head, signature=self.sign(head))


def identify(federation: Federation, rules: Rules, keys: VaultKeys) -> Identity:
    """Return what a vault says about itself."""
    public = keys.deposit.public
    statement = DepositKey(vault=federation.us, key=to_digest(public))
    return Identity(
        address=federation.us, deposit_key=public, signature=statement.sign(federation.domain, keys.signing),
        chain=federation.chain, hub=federation.hub, broker=federation.broker, simulated=rules.simulated,
    )  # fmt: skip
