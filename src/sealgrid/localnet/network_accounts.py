"""Accounts that run a local network: development accounts, or private ones if other machines reach the network."""

import hmac
from collections.abc import Callable
from typing import Final

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.node import Node
from sealgrid.crypto.signing import SigningKey
from sealgrid.localnet.account_seed import is_shared
from sealgrid.localnet.layout import Layout

KeyOf = Callable[[str], SigningKey]  #: returns the key of a named account

#: Accounts of a shared network. Everyone else makes an account of their own and gets test money from the faucet.
PRIVATE_NAMES: Final = ("admin", "owner", "developer", "pool", "worker", "worker2", "worker3", "faucet")
ETHER: Final = 10**18  #: wei
_GAS: Final = 1_000_000 * ETHER  #: of each private account


def account_keys(layout: Layout) -> KeyOf:
    """Return the function from an account's name to its key."""
    if not is_shared(layout):
        return development_key
    seed = bytes.fromhex(layout.account_seed.read_text())
    return lambda name: SigningKey.from_bytes(hmac.digest(seed, name.encode(), "sha256"))


def account_names(layout: Layout) -> tuple[str, ...]:
    """Return the names of the network's accounts."""
    return PRIVATE_NAMES if is_shared(layout) else NAMES


async def give_gas(node: Node, key_of: KeyOf) -> None:
    """Set the ether of the private accounts through anvil, which funds development accounts only."""
    for name in PRIVATE_NAMES:
        await node.rpc("anvil_setBalance", key_of(name).address, hex(_GAS))
