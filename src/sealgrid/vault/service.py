"""The components of one vault, as its handlers share them.

Handlers check, write and sign after their last ``await``, so concurrent requests never decide on the same state.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.recent_quotes import RecentQuotes
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
from sealgrid.vault.stores.key_notes import OpenedKeys, UnopenedKeys
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.wire.log import SignedHead
from sealgrid.wire.vault import VaultIdentity


@dataclass(frozen=True, slots=True)
class VaultRules:
    """The limits of a vault, from its settings."""

    roots: tuple[TrustRoot, ...]
    allow_simulated: bool  #: whether simulated evidence is accepted
    nonce_ttl: int  #: seconds
    minimum_seconds_left: int  #: before the contribution deadline, for a release
    previews_per_minute: int = 0  #: per client; 0 for no limit


@dataclass(frozen=True, slots=True)
class Vault:
    """One vault of a federation."""

    federation: VaultFederation
    rules: VaultRules
    keys: VaultKeys = field(repr=False)
    database: VaultDatabase
    share_store: ShareStore
    task_store: TaskStore
    history: DepositHistory
    unopened_keys: UnopenedKeys
    opened_keys: OpenedKeys
    log: VaultLog
    chain: ChainReader
    files: VerifiedReads
    clock: Callable[[], int]  #: Unix seconds
    random: Callable[[int], bytes]
    identity: VaultIdentity  #: its address and signed deposit key
    quotes: RecentQuotes = field(default_factory=RecentQuotes)

    @property
    def address(self) -> Address:
        """Return the vault's address, as the broker lists it."""
        return self.federation.own_address

    def sign(self, statement: Statement) -> bytes:
        """Sign in the federation's domain."""
        return statement.sign(self.federation.domain, self.keys.signing)

    def sign_head(self, frontier: MerkleFrontier, at: int) -> SignedHead:
        """Sign the head of the log with this frontier."""
        head = head_of(self.address, frontier.size, frontier.root, at)
        return SignedHead(head=head, signature=self.sign(head))


def make_identity(federation: VaultFederation, rules: VaultRules, keys: VaultKeys) -> VaultIdentity:
    """Return a vault's identity with its signed deposit key."""
    public = keys.deposit.public
    statement = DepositKey(vault=federation.own_address, key=to_digest(public))
    return VaultIdentity(
        address=federation.own_address,
        deposit_key=public,
        signature=statement.sign(federation.domain, keys.signing),
        chain=federation.chain,
        hub=federation.hub,
        broker=federation.broker,
        simulated=rules.allow_simulated,
    )
