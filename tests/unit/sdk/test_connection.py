"""A connection has one client of each service of the network file, and opens nothing by itself."""

from sealgrid.crypto.signing import SigningKey
from sealgrid.sdk.connection import connect
from tests.unit.sdk.network_file import BROKER, HUB, VAULTS, network


async def test_a_network_without_services_connects_with_its_domains_and_vaults():
    key = SigningKey.generate()
    async with connect(network(), key) as conn:
        assert (conn.address, conn.vault_addresses, len(conn.vaults)) == (key.address, VAULTS, 3)
        assert (conn.domain.chain, conn.domain.broker) == (31337, BROKER)
        assert (conn.order_domain.chain, conn.order_domain.hub) == (31337, HUB)
        assert key.secret.hex() not in repr(conn)
