from dataclasses import replace

import pytest

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.crypto.signing import Domain
from sealgrid.errors import InputRefused
from sealgrid.units import Digest, to_address, to_digest

GENESIS = to_digest(b"\x01" * 32)
BROKER, FIRST, SECOND = (to_address(bytes([n]) * 20) for n in (2, 3, 4))
NETWORK = NetworkIdentity(rpc_urls=("http://node",), chain=7, genesis=GENESIS, hub=FIRST, broker=BROKER)


class FixedNode:
    """A node that serves one chain."""

    def __init__(self, chain: int, genesis: Digest) -> None:
        self._chain, self._genesis = chain, genesis

    async def chain(self) -> int:
        return self._chain

    async def genesis(self) -> Digest:
        return self._genesis


def test_statements_are_signed_in_the_domain_of_chain_and_broker() -> None:
    assert NETWORK.domain == Domain(chain=7, broker=BROKER)


def test_each_vault_has_the_url_at_its_index() -> None:
    network = replace(NETWORK, vaults=(FIRST, SECOND), vault_urls=("http://1", "http://2"))
    assert network.vault_endpoints == ((FIRST, "http://1"), (SECOND, "http://2"))


def test_a_vault_without_a_url_is_an_error_and_not_left_out() -> None:
    with pytest.raises(ValueError, match="shorter"):
        _ = replace(NETWORK, vaults=(FIRST, SECOND), vault_urls=("http://1",)).vault_endpoints


async def test_a_node_of_the_same_chain_is_accepted() -> None:
    await NETWORK.check_chain(FixedNode(7, GENESIS))


@pytest.mark.parametrize("node", [FixedNode(8, GENESIS), FixedNode(7, to_digest(b"\x02" * 32))], ids=["id", "genesis"])
async def test_a_node_of_another_chain_is_refused(node: FixedNode) -> None:
    with pytest.raises(InputRefused, match="another chain"):
        await NETWORK.check_chain(node)
