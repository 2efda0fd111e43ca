"""Which federation a vault belongs to: one chain, one hub, one broker, n = 2t - 1 vaults in ascending order."""

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
    """The vaults that a broker lists, seen from one of them."""

    chain: int
    hub: Address
    broker: Address
    threshold: int  #: t
    vaults: tuple[Address, ...]  #: ascending
    us: Address

    def __post_init__(self) -> None:
        if self.threshold < 1 or len(self.vaults) != 2 * self.threshold - 1:
            raise InputRefused(f"a federation has 2t - 1 vaults, not {len(self.vaults)} with t = {self.threshold}.")
        if list(self.vaults) != sorted({to_address(vault) for vault in self.vaults}):
            raise InputRefused("the vaults of a federation stand in ascending order, each once, in lower case.")
        if self.us not in self.vaults:
            raise InputRefused(f"this vault's key is {self.us}, which the federation does not list.")

    @classmethod
    def of(cls, network: NetworkIdentity, us: Address) -> Self:
        """Return a network's federation, seen from one of its vaults."""
        return cls(network.chain, network.hub, network.broker, network.threshold, network.vaults, us)

    @property
    def domain(self) -> Domain:
        """Return the EIP-712 domain of every statement here."""
        return Domain(chain=self.chain, broker=self.broker)

    @property
    def orders(self) -> OrderDomain:
        """Return the EIP-712 domain of the orders that our hub matches."""
        return OrderDomain(chain=self.chain, hub=self.hub)

    @property
    def position(self) -> int:
        """Return our place among the vaults, counted from 0."""
        return self.vaults.index(self.us)

    @property
    def vault_set(self) -> Digest:
        """Return the digest that an enclave carries in its evidence: the vaults that it will believe."""
        return binding.vault_set(
            chain=self.chain, hub=self.hub, broker=self.broker, t=self.threshold, vaults=self.vaults
        )

    def shares(self, record: KeyRecord) -> bool:
        """Return whether a key was split for exactly this federation on this hub."""
        ours = (self.hub, len(self.vaults), self.threshold, self.vaults)
        return (record.hub, record.n, record.t, tuple(record.vaults)) == ours

    def belonging(self, genesis: Digest) -> dict[str, str]:
        """Return what a database of ours is marked with; it opens for nobody else."""
        return {"chain": str(self.chain), "genesis": genesis, "hub": self.hub, "broker": self.broker, "vault": self.us}
