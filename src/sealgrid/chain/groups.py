"""Groups that orders name in place of an account: contracts that PoCo asks for their members (ERC-734)."""

from sealgrid.chain.abi import interface
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import STRANGERS_GAS
from sealgrid.errors import ChainError
from sealgrid.poco.constants import GROUP_MEMBER_PURPOSE
from sealgrid.units import Address, Digest, to_bytes


async def is_member(hub: Hub, group: Address, account: Address, *, at: Digest | None = None) -> bool:
    """Tell whether PoCo takes an account for a member of a group, at a block's hash or at the head.

    As in SignatureVerifier: the hub itself calls ``keyHasPurpose`` with the account, left-padded, and purpose 4. Yes is
    the word 1. No is whatever else a contract does, and what has no code. PoCo asks with STATICCALL, so a group that
    writes while it is asked is told apart from a yes only by the match. Raises ServiceUnavailable for a silent node.
    """
    key = bytes(12) + to_bytes(account, 20)
    data = interface("AccessPolicy").call_data("keyHasPurpose", key, GROUP_MEMBER_PURPOSE)
    try:
        answer = await hub.node.call(
            group, data, at=at, sender=hub.address, gas=STRANGERS_GAS, doing="Asking a group for its members"
        )
    except ChainError:  # it refused, ran out of gas, or is no contract
        return False
    return len(answer) >= 32 and int.from_bytes(answer[:32], "big") == 1
