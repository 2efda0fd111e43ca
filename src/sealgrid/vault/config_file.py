"""A vault's settings as its operator writes them: one TOML file (docs/howto/run-a-vault.md)."""

from pathlib import Path

import msgspec

from sealgrid.attestation.evidence import Status, TcbVersion, Trait, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.errors import InputRefused
from sealgrid.units import Address, Digest
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.keys import KEYS_FOLDER
from sealgrid.wire.service_access import ServiceAccess


class _RootEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    platform: str  #: sgx, tdx, snp or simulated
    certificate: Path  #: DER
    traits: tuple[Trait, ...] = ()
    statuses: tuple[Status, ...] = ()
    least_tcb: TcbVersion = TcbVersion()
    minimum_eval_number: int = 0


class VaultFile(ServiceAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file; paths count from where it lies. The fields of Access say who may ask the vault."""

    folder: Path  #: database
    keys: Path | None = None  #: key files; best on another disk than the database; ``keys`` in its folder by default
    key_command: tuple[str, ...] = ()  #: in place of key files
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
    peers: dict[Address, str] = msgspec.field(
        default_factory=dict
    )  #: where the other vaults answer, to watch their logs
    inputs_per_hour: int = 300
    input_hours: float = 24.0
    previews_per_minute: int = 120  #: that one client may ask for; 0 for any number
    insecure_allow_simulated: bool = False


def read_config(path: Path) -> tuple[VaultConfig, int]:
    """Return a vault's settings and its port; raise InputRefused for a file that cannot be used."""
    try:
        told = msgspec.toml.decode(path.read_bytes(), type=VaultFile, dec_hook=lambda kind, text: kind(text))
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error
    except msgspec.DecodeError as error:
        raise InputRefused(f"{path} does not describe a vault: {error}.") from error
    here = path.parent
    folder = here / told.folder
    config = VaultConfig(
        folder=folder,
        keys=here / (told.keys or folder / KEYS_FOLDER),
        key_command=told.key_command,
        network=NetworkIdentity(
            rpc_urls=told.rpc_urls,
            chain=told.chain,
            genesis=told.genesis,
            hub=told.hub,
            broker=told.broker,
            vaults=told.vaults,
            threshold=told.threshold,
        ),
        storage_url=told.storage_url,
        roots=tuple(_root(here, root) for root in told.roots),
        peers=tuple(told.peers.items()),
        previews_per_minute=told.previews_per_minute,
        insecure_allow_simulated=told.insecure_allow_simulated,
        storage_copies=told.storage_copies,
        inputs_per_hour=told.inputs_per_hour,
        input_hours=told.input_hours,
        access=ServiceAccess(**{name: getattr(told, name) for name in ServiceAccess.__struct_fields__}),
    )
    return config, told.port


def _root(here: Path, told: _RootEntry) -> TrustRoot:
    try:
        platform, certificate = Platform[told.platform.upper()], (here / told.certificate).read_bytes()
    except KeyError as error:
        raise InputRefused(f"{told.platform!r} is no platform; take sgx, tdx, snp or simulated.") from error
    except OSError as error:
        raise InputRefused(f"{told.certificate} cannot be read ({error.strerror}).") from error
    return TrustRoot(
        platform,
        certificate,
        frozenset(told.traits),
        frozenset(told.statuses),
        told.least_tcb,
        told.minimum_eval_number,
    )
