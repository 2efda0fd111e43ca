"""The chain, contracts and vaults of one network, which every service is configured with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealgrid.crypto.signing import Domain
from sealgrid.errors import InputRefused
from sealgrid.units import ZERO_ADDRESS, Address, Digest

if TYPE_CHECKING:  # web3 takes half a second to import, and clients import this module
    from sealgrid.chain.node import Node

LOCAL_CHAIN = 31337  #: id of anvil's chains


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkIdentity:
    """Two services belong to one network if these values are equal. The RPC and vault URLs may differ."""

    rpc_urls: tuple[str, ...]  #: nodes of the chain; several must agree (``Node``)
    chain: int
    genesis: Digest  #: hash of block 0: two local chains may have the same id
    hub: Address
    broker: Address = ZERO_ADDRESS  #: the TeeBroker or PoolGate; a market needs none
    vaults: tuple[Address, ...] = ()  #: the federation, ascending; n = 2t - 1
    vault_urls: tuple[str, ...] = ()  #: one for each vault, in the same order; empty in a service that calls no vault
    threshold: int = 0  #: t

    @property
    def domain(self) -> Domain:
        """Return the EIP-712 domain of this network's statements."""
        return Domain(chain=self.chain, broker=self.broker)

    @property
    def vault_endpoints(self) -> tuple[tuple[Address, str], ...]:
        """Return the address and URL of each vault."""
        return tuple(zip(self.vaults, self.vault_urls, strict=True))

    async def check_chain(self, node: "Node") -> None:
        """Raise InputRefused if a node serves another chain."""
        if (await node.chain(), await node.genesis()) != (self.chain, self.genesis):
            raise InputRefused("the node serves another chain than the settings name; check rpc_urls and genesis.")
