"""The network file: addresses and URLs of a network's parts, and the roots of trust that clients pin."""

import codecs
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.attestation.evidence import Status, TcbVersion, Trait, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, InputRefused, NetworkNotRunning
from sealgrid.receipts.report import TrustPins
from sealgrid.sdk.stores.file_errors import file_error
from sealgrid.units import ZERO_ADDRESS, Address, Digest

NETWORK_PATH: Final = "/network.json"  #: of the public network file, below the URL of the pages
_FINGERPRINT_DIGITS: Final = 24


class VaultAddress(msgspec.Struct, frozen=True):
    """A vault's address in the broker's list, and its URL."""

    address: Address
    url: str


class PinnedPool(msgspec.Struct, frozen=True):
    """A default workerpool of buyers, and its name in the network file."""

    address: Address
    name: str


class Root(msgspec.Struct, frozen=True):
    """A root of trust for evidence of one platform."""

    platform: int
    root_ca_der: bytes
    traits: tuple[Trait, ...] = ()  #: as of ``TrustRoot``, like what follows
    statuses: tuple[Status, ...] = ()
    least_tcb: TcbVersion = TcbVersion()

    def trusted(self) -> TrustRoot:
        """Return the root as a verifier takes it."""
        traits, statuses = frozenset(self.traits), frozenset(self.statuses)
        return TrustRoot(Platform(self.platform), self.root_ca_der, traits, statuses, self.least_tcb)


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of clients of one network: public, stored as JSON."""

    name: str
    chain: int
    genesis: Digest
    rpc_url: str
    hub: Address
    broker: Address
    token: Address
    app_registry: Address
    dataset_registry: Address
    workerpool_registry: Address
    vaults: tuple[VaultAddress, ...]  #: ascending by address
    threshold: int
    roots: tuple[Root, ...]
    allow_simulated: bool  #: simulated evidence protects nothing from the machine's root; local networks only
    runtimes: tuple[Digest, ...]  #: runtimes that an owner on this network is offered to allow
    platform: int  #: the platform that those runtimes are measured on
    storage_url: str
    market_url: str
    pool_url: str
    workerpool: Address
    short_category: int  #: category for jobs of seconds
    python: str = (
        "3.11"  #: the one that its runtimes run apps on; network files without it are older than other Pythons
    )
    pool_group: Address = ZERO_ADDRESS  #: group (ERC-734) that the network's pools join; zero where there is none
    pools: tuple[PinnedPool, ...] = ()  #: where runs are bought by default; if empty, at ``workerpool``
    folder: str = ""  #: data folder of a local network; empty elsewhere
    storage_copies: tuple[str, ...] = ()  #: more storage nodes; every file is stored at each
    storage_mirrors: tuple[str, ...] = ()  #: object stores and IPFS gateways that have copies of files
    web_url: str = ""  #: the web pages; empty without them
    sms_url: str = ""  #: the adapter for iExec's SDK; empty without it
    platform_url: str = ""  #: the simulated platform of a local network; empty elsewhere
    faucet_url: str = ""  #: the service that gives test money; empty where there is none
    authority_url: str = ""  #: the authority of simulated machines, which others can join; empty without it

    @property
    def identity(self) -> NetworkIdentity:
        """Return what a service of this network is configured with."""
        return NetworkIdentity(
            rpc_urls=(self.rpc_url,),
            chain=self.chain,
            genesis=self.genesis,
            hub=self.hub,
            broker=self.broker,
            vaults=tuple(vault.address for vault in self.vaults),
            vault_urls=tuple(vault.url for vault in self.vaults),
            threshold=self.threshold,
        )

    @property
    def has_development_accounts(self) -> bool:
        """Return whether the development accounts, whose keys are public, have money here."""
        return bool(self.folder) and not self.faucet_url

    @property
    def has_test_money(self) -> bool:
        """Return whether its RLC are test credits, worth nothing."""
        return bool(self.folder or self.faucet_url)

    @property
    def storage_nodes(self) -> tuple[str, ...]:
        """Return the URLs of all storage nodes, the first one first."""
        return (self.storage_url, *self.storage_copies)


def load_network(path: Path) -> Network:
    """Read a network file; raise NetworkNotRunning when there is none."""
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8), type=Network)
    except FileNotFoundError as error:
        raise NetworkNotRunning(f"no local network is running in {path.parent}; start one (sealgrid up).") from error
    except OSError as error:
        raise file_error(error) or InputRefused(f"{path} cannot be read ({error.strerror}).") from error
    except DECODE_ERRORS as error:
        raise InputRefused(f"{path} is not a valid network file: {error}.") from error


def published(network: Network) -> Network:
    """Return the network file for other machines: without the fields that concern the network's own machine."""
    return msgspec.structs.replace(network, folder="", platform_url="")


def fingerprint(network: Network) -> str:
    """Return digits that two people compare to know that they have the same pins; URLs do not count.

    Whether there is a faucet counts: with one, the network's RLC are shown as test credits.
    """
    pins = (
        network.chain,
        network.genesis,
        network.hub,
        network.broker,
        network.token,
        network.app_registry,
        network.dataset_registry,
        network.workerpool_registry,
        tuple(vault.address for vault in network.vaults),
        network.threshold,
        network.roots,
        network.allow_simulated,
        network.runtimes,
        network.workerpool,
        network.pool_group,
        network.pools,
        bool(network.faucet_url),
    )
    digits = sha256(msgspec.json.encode(pins)).hex()[:_FINGERPRINT_DIGITS]
    return " ".join(digits[start : start + 4] for start in range(0, _FINGERPRINT_DIGITS, 4))


def pins_of(network: Network) -> TrustPins:
    """Return the pins of a network file."""
    return TrustPins(
        chain=network.chain,
        hub=network.hub,
        broker=network.broker,
        vaults=tuple(vault.address for vault in network.vaults),
        t=network.threshold,
        roots=tuple(root.trusted() for root in network.roots),
        runtimes=frozenset(network.runtimes),
        allow_simulated=network.allow_simulated,
    )
