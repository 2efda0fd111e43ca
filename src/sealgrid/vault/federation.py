"""The federation of a vault: one chain, one hub, one broker, n = 2t - 1 vaults in ascending order."""

from dataclasses import dataclass
from typing import Self

from sealgrid.attestation import binding
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.crypto.shares import KeyRecord
from sealgrid.crypto.signing import Domain
from sealgrid.errors import InputRefused
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import Address, Digest, to_address


@dataclass(frozen=True, slots=True)
class VaultFederation:
    """The vaults that a broker lists, and which of them this process is."""

    chain: int
    hub: Address
    broker: Address
    threshold: int  #: t
    vaults: tuple[Address, ...]  #: ascending
    own_address: Address

    def __post_init__(self) -> None:
        if self.threshold < 1 or len(self.vaults) != 2 * self.threshold - 1:
            raise InputRefused(f"a federation has 2t - 1 vaults, not {len(self.vaults)} with t = {self.threshold}.")
        if list(self.vaults) != sorted({to_address(vault) for vault in self.vaults}):
            raise InputRefused("list the vaults of a federation once each, in ascending order and lower case.")
        if self.own_address not in self.vaults:
            raise InputRefused(f"this vault's key is {self.own_address}, which the federation does not list.")

    @classmethod
    def of(cls, network: NetworkIdentity, own_address: Address) -> Self:
        """Return a network's federation for one of its vaults."""
        return cls(network.chain, network.hub, network.broker, network.threshold, network.vaults, own_address)

    @property
    def domain(self) -> Domain:
        """Return the EIP-712 domain of the federation's statements."""
        return Domain(chain=self.chain, broker=self.broker)

    @property
    def order_domain(self) -> OrderDomain:
        """Return the EIP-712 domain of the hub's orders."""
        return OrderDomain(chain=self.chain, hub=self.hub)

    @property
    def position(self) -> int:
        """Return this vault's index in ``vaults``, from 0."""
        return self.vaults.index(self.own_address)

    @property
    def vault_set(self) -> Digest:
        """Return the digest of the federation that an enclave binds in its report data."""
        return binding.vault_set(
            chain=self.chain, hub=self.hub, broker=self.broker, t=self.threshold, vaults=self.vaults
        )

    def matches(self, record: KeyRecord) -> bool:
        """Return whether a key was split for exactly this federation on this hub."""
        expected = (self.hub, len(self.vaults), self.threshold, self.vaults)
        return (record.hub, record.n, record.t, tuple(record.vaults)) == expected

    def database_identity(self, genesis: Digest) -> dict[str, str]:
        """Return the identity that binds a database to this vault on this chain."""
        return {
            "chain": str(self.chain),
            "genesis": genesis,
            "hub": self.hub,
            "broker": self.broker,
            "vault": self.own_address,
        }
