"""Test credits and gas for an account on a local network, whose administrator is an account that everybody has."""

from sealgrid.chain.accounts import development_key
from sealgrid.chain.deploy import fund
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import InputRefused
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection

GAS = 10**20  #: wei; a hundred test ether


async def hand_out(conn: Connection, how_much: Amount) -> None:
    """Give the connected account credits into its wallet, and gas; raise InputRefused where credits are money."""
    if not conn.network.folder:
        raise InputRefused(f"{conn.network.name!r} is no local network: its RLC are bought, not handed out.")
    await conn.node.rpc("anvil_setBalance", conn.address, hex(GAS))
    await fund(Wallet(conn.node, development_key("admin")), conn.network.token, conn.address, int(how_much))
