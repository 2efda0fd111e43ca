"""The AccessPolicy contract: who may use an asset, and until when (docs/protocol/access.md)."""

from typing import Any, Final, Self

import msgspec

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.units import ZERO_ADDRESS, Address, Digest

FOREVER: Final = 2**256 - 1  #: a grant that never ends
_POLICY = interface("AccessPolicy")


class AccessGrant(msgspec.Struct, frozen=True):
    """An account that was granted the use of an asset."""

    account: Address
    until: int  #: the first second at which it may no longer, Unix time, or FOREVER


class HolderRule(msgspec.Struct, frozen=True):
    """Whoever holds enough of a token may use the asset."""

    token: Address  #: an ERC-20 or ERC-721
    minimum: int  #: in the token's smallest units, or a number of NFTs


class AccessPolicy:
    """One AccessPolicy on one chain; an order that names it as ``requesterrestrict`` admits its members only."""

    def __init__(self, node: Node, address: Address) -> None:
        self.node = node
        self.address = address

    @classmethod
    async def deploy(cls, wallet: Wallet) -> Self:
        """Deploy a policy that admits nobody yet; the wallet owns it."""
        code, abi = artifacts.bytecode("AccessPolicy"), artifacts.abi("AccessPolicy")
        return cls(wallet.node, await wallet.deploy(code, abi, doing="Deploying the access policy"))

    async def grant(self, wallet: Wallet, account: Address, *, until: int = FOREVER) -> TransactionReceipt:
        """Let an account make deals until a Unix time; the wallet is the policy's owner."""
        return await self._do(wallet, "grant", account, until, doing="Granting the use")

    async def revoke(self, wallet: Wallet, account: Address) -> TransactionReceipt:
        """Let an account make no more deals, whatever it holds; the wallet is the policy's owner."""
        return await self._do(wallet, "revoke", account, doing="Revoking the use")

    async def admit_holders(self, wallet: Wallet, rule: HolderRule | None) -> TransactionReceipt:
        """Let a token's holders make deals, in place of the rule before; None admits no holders."""
        token, minimum = (rule.token, rule.minimum) if rule else (ZERO_ADDRESS, 0)
        return await self._do(wallet, "admit_holders", token, minimum, doing="Admitting holders")

    async def allows(self, account: Address, *, at: Digest | None = None) -> bool:
        """Tell whether an account may make a deal now, or at a block's hash."""
        return bool(await self._read("allows", account, at=at))

    async def owner(self, *, at: Digest | None = None) -> Address:
        """Return who grants and revokes."""
        return Address(await self._read("owner", at=at))

    async def holder_rule(self, *, at: Digest | None = None) -> HolderRule | None:
        """Return which holders may use the asset; None when holding nothing helps."""
        token = Address(await self._read("token", at=at))
        return None if token == ZERO_ADDRESS else HolderRule(token, int(await self._read("minimum", at=at)))

    async def members(self, *, since: int = 0) -> list[AccessGrant]:
        """Return every account with a grant, by address; grants that ended are among them, revoked ones are not.

        ``since`` is the first block to look at: the policy's own is enough; public nodes limit how many they search.
        """
        topics = [_POLICY.topic("Granted"), _POLICY.topic("Revoked")]
        last = (await self.node.block()).number
        granted: dict[Address, int] = {}
        for log in await self.node.logs(self.address, [topics], first=since, last=last):
            match _POLICY.decode_event(log.topics, log.data):
                case "Granted", (account, until):
                    granted[Address(account)] = until
                case "Revoked", (account,):
                    granted.pop(account, None)
        return [AccessGrant(account, until) for account, until in sorted(granted.items())]

    async def _read(self, function: str, *arguments: object, at: Digest | None) -> Any:
        data = _POLICY.call_data(function, *arguments)
        answer = await self.node.call(self.address, data, at=at, doing=f"Asking the access policy for {function}")
        return _POLICY.decode(function, answer)

    async def _do(self, wallet: Wallet, function: str, *arguments: object, doing: str) -> TransactionReceipt:
        return await wallet.call(self.address, "AccessPolicy", function, *arguments, doing=doing)
