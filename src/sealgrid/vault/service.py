"""One vault with all that it works with. ``deposits.py`` serves owners from it, ``tasks.py`` enclaves and requesters.

In each of their methods the rules, the writing and the signing come after the last ``await``, so that two requests at
once never decide on the same state.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.statements import DepositKey
from sealgrid.attestation.vault_log import head_of
from sealgrid.crypto.merkle import MerkleFrontier
from sealgrid.crypto.signing import Statement
from sealgrid.units import Address, to_digest
from sealgrid.vault.chain.reader import ChainReader
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.handlers.settled_files import VerifiedReads
from sealgrid.vault.keys import VaultKeys
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.history import DepositHistory
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.opened_keys import OpenedKeys
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.vault.stores.unopened_keys import UnopenedKeys
from sealgrid.wire.log import SignedHead
from sealgrid.wire.vault import VaultIdentity


@dataclass(frozen=True, slots=True)
class VaultRules:
    """What a vault was configured to insist on."""

    roots: tuple[TrustRoot, ...]
    simulated: bool  #: whether simulated evidence counts
    nonce_ttl: int  #: seconds
    seconds_left: int  #: before the contribution deadline
    previews_per_minute: int = 0  #: of one client; 0 for any number


@dataclass(frozen=True, slots=True)
class Vault:
    """One vault of a federation."""

    federation: VaultFederation
    rules: VaultRules
    keys: VaultKeys = field(repr=False)
    store: VaultDatabase
    custody: ShareStore
    journal: TaskStore
    history: DepositHistory
    unopened: UnopenedKeys
    opened: OpenedKeys
    log: VaultLog
    chain: ChainReader
    files: VerifiedReads
    clock: Callable[[], int]  #: Unix seconds
    random: Callable[[int], bytes]
    identity: VaultIdentity  #: who this vault is, with its signed deposit key

    @property
    def us(self) -> Address:
        """Return the address that the broker lists."""
        return self.federation.us

    def sign(self, statement: Statement) -> bytes:
        """Sign in the federation's domain."""
        return statement.sign(self.federation.domain, self.keys.signing)

    def signed_head(self, frontier: MerkleFrontier, at: int) -> SignedHead:
        """Sign what our log is, or will be once it has its next entry."""
        head = head_of(self.us, frontier.size, frontier.root, at)
        return SignedHead(head=head, signature=self.sign(head))


def identify(federation: VaultFederation, rules: VaultRules, keys: VaultKeys) -> VaultIdentity:
    """Return what a vault says about itself."""
    public = keys.deposit.public
    statement = DepositKey(vault=federation.us, key=to_digest(public))
    return VaultIdentity(
        address=federation.us,
        deposit_key=public,
        signature=statement.sign(federation.domain, keys.signing),
        chain=federation.chain,
        hub=federation.hub,
        broker=federation.broker,
        simulated=rules.simulated,
    )
