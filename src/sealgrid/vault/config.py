"""What one vault is told when it starts."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.chain.anvil import LOCAL_CHAIN
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.errors import InputRefused
from sealgrid.units import Address
from sealgrid.vault.keys import KEYS_FOLDER, KeyCommand, KeyFiles, KeySource
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class VaultConfig:
    """Settings of one vault; read once, never changed.

    Raises InputRefused for a chain that only one node tells of: it could make the vault believe anything.
    """

    folder: Path  #: the database; this vault's alone
    network: NetworkIdentity  #: ``rpc_urls`` of different operators; one is enough on a local chain only
    storage_url: str  #: where sealed results and receipts are fetched from before a Verdict
    roots: tuple[TrustRoot, ...]  #: platforms that are believed
    nonce_ttl: int = 120  #: seconds in which a nonce must come back with its quote
    minimum_seconds_left: int = 20  #: before the contribution deadline, for a release
    keys: Path | None = None  #: folder of the key files; ``keys`` in the vault's own folder when None
    key_command: tuple[str, ...] = ()  #: in place of key files: a program that writes them (``keys.KeyCommand``)
    peers: tuple[tuple[Address, str], ...] = ()  #: the other vaults and where they answer, to watch their logs
    seconds_between_looks: int = 30  #: at the other vaults' logs
    previews_per_minute: int = 120  #: that one client may ask for; 0 for any number
    storage_copies: tuple[str, ...] = ()  #: more storage nodes; a result must lie at each
    insecure_allow_simulated: bool = False  #: local networks only: simulated evidence proves nothing
    access: ServiceAccess = DEFAULT_ACCESS
    inputs_per_hour: int = 300  #: new sealed inputs of one client; 0 for no limit
    input_hours: float = 24.0  #: that a sealed input is kept without a deal

    def __post_init__(self) -> None:
        urls, chain = self.network.rpc_urls, self.network.chain
        if len(set(urls)) < 2 and (chain != LOCAL_CHAIN or not urls):
            raise InputRefused("a vault reads its chain through two nodes of different operators; name both.")

    @property
    def key_source(self) -> KeySource:
        """Return where the vault's keys come from."""
        return KeyCommand(self.key_command) if self.key_command else KeyFiles(self.keys or self.folder / KEYS_FOLDER)
