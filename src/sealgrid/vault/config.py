"""Settings of a vault: VaultConfig, and the TOML file that its operator writes (docs/howto/run-a-vault.md)."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from sealgrid.attestation.evidence import Status, TcbVersion, Trait, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.chain.network_identity import LOCAL_CHAIN, NetworkIdentity
from sealgrid.errors import InputRefused
from sealgrid.units import Address, Digest
from sealgrid.vault.keys import KEYS_FOLDER, KeyCommand, KeyFiles, KeySource
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess
from sealgrid.wire.settings_file import read_settings


@dataclass(frozen=True, slots=True)
class VaultConfig:
    """Settings of one vault.

    Raises InputRefused for a public chain with fewer than two nodes, because a single node could forge the chain.
    """

    folder: Path  #: of the database; not shared with another vault
    network: NetworkIdentity  #: ``rpc_urls`` of different operators, which must agree; a local chain may have one
    storage_url: str  #: storage node from which sealed results and receipts are fetched before a Verdict
    roots: tuple[TrustRoot, ...]  #: trusted attestation roots
    nonce_ttl: int = 120  #: seconds until a nonce expires
    minimum_seconds_left: int = 20  #: required before the contribution deadline for a release
    keys: Path | None = None  #: folder of the key files; None for ``keys`` in the vault's folder
    key_command: tuple[str, ...] = ()  #: replaces key files: a program that prints the keys (``keys.KeyCommand``)
    peers: tuple[tuple[Address, str], ...] = ()  #: addresses and URLs of the other vaults, to watch their logs
    peer_poll_seconds: int = 30  #: interval at which the logs of other vaults are read
    previews_per_minute: int = 120  #: per client; 0 for no limit
    storage_copies: tuple[str, ...] = ()  #: more storage nodes; a result must be stored at each that answers
    insecure_allow_simulated: bool = False  #: for local networks only, because simulated evidence proves nothing
    access: ServiceAccess = DEFAULT_ACCESS
    inputs_per_hour: int = 300  #: new sealed inputs and requesters' secrets per client; 0 for no limit
    input_hours: float = 24.0  #: hours that a sealed input is stored without a deal

    def __post_init__(self) -> None:
        urls, chain = self.network.rpc_urls, self.network.chain
        if len(set(urls)) < 2 and (chain != LOCAL_CHAIN or not urls):
            raise InputRefused("a vault reads its chain through two nodes of different operators; configure both.")

    @property
    def key_source(self) -> KeySource:
        """Return the source of the vault's keys."""
        return KeyCommand(self.key_command) if self.key_command else KeyFiles(self.keys or self.folder / KEYS_FOLDER)


class _RootEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    platform: str  #: sgx, tdx, snp or simulated
    certificate: Path  #: DER
    traits: tuple[Trait, ...] = ()
    statuses: tuple[Status, ...] = ()
    least_tcb: TcbVersion = TcbVersion()
    minimum_eval_number: int = 0


class VaultFile(ServiceAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The TOML file. Paths are relative to its folder; the fields of ServiceAccess limit its clients."""

    folder: Path  #: of the database
    keys: Path | None = (
        None  #: folder of the key files, best on another disk than the database; default ``keys`` in the folder
    )
    key_command: tuple[str, ...] = ()  #: replaces key files
    port: int  #: on loopback, behind a TLS proxy
    rpc_urls: tuple[str, ...]
    chain: int
    genesis: Digest
    hub: Address
    broker: Address
    storage_url: str
    storage_copies: tuple[str, ...] = ()
    threshold: int
    vaults: tuple[Address, ...]
    roots: tuple[_RootEntry, ...]
    peers: dict[Address, str] = msgspec.field(default_factory=dict)  #: URLs of the other vaults, to watch their logs
    inputs_per_hour: int = 300
    input_hours: float = 24.0
    previews_per_minute: int = 120  #: per client; 0 for no limit
    insecure_allow_simulated: bool = False


def read_config(path: Path) -> tuple[VaultConfig, int]:
    """Return a vault's settings and its port; raise InputRefused for an unusable file."""
    file = read_settings(path, VaultFile, "a vault")
    base = path.parent
    folder = base / file.folder
    config = VaultConfig(
        folder=folder,
        keys=base / (file.keys or folder / KEYS_FOLDER),
        key_command=file.key_command,
        network=NetworkIdentity(
            rpc_urls=file.rpc_urls,
            chain=file.chain,
            genesis=file.genesis,
            hub=file.hub,
            broker=file.broker,
            vaults=file.vaults,
            threshold=file.threshold,
        ),
        storage_url=file.storage_url,
        roots=tuple(_trust_root(base, root) for root in file.roots),
        peers=tuple(file.peers.items()),
        previews_per_minute=file.previews_per_minute,
        insecure_allow_simulated=file.insecure_allow_simulated,
        storage_copies=file.storage_copies,
        inputs_per_hour=file.inputs_per_hour,
        input_hours=file.input_hours,
        access=file.relative_to(base),
    )
    return config, file.port


def _trust_root(base: Path, entry: _RootEntry) -> TrustRoot:
    try:
        platform, certificate = Platform[entry.platform.upper()], (base / entry.certificate).read_bytes()
    except KeyError as error:
        raise InputRefused(f"{entry.platform!r} is not a platform; use sgx, tdx, snp or simulated.") from error
    except OSError as error:
        raise InputRefused(f"{entry.certificate} cannot be read ({error.strerror}).") from error
    return TrustRoot(
        platform,
        certificate,
        frozenset(entry.traits),
        frozenset(entry.statuses),
        entry.least_tcb,
        entry.minimum_eval_number,
    )
