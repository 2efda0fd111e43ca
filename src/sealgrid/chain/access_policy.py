"""The AccessPolicy contract: accounts that may use an asset (docs/protocol/access.md)."""

from typing import Any, Final, Self

import msgspec

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.units import ZERO_ADDRESS, Address, Digest

FOREVER: Final = 2**256 - 1  #: the end of a grant without an end
_POLICY = interface("AccessPolicy")


class AccessGrant(msgspec.Struct, frozen=True):
    """An account with a grant."""

    account: Address
    until: int  #: the first second, in Unix time, at which the grant no longer holds; or FOREVER


class HolderRule(msgspec.Struct, frozen=True):
    """Admits every account with at least ``minimum`` of a token."""

    token: Address  #: an ERC-20 or ERC-721
    minimum: int  #: in the token's smallest units, or a number of NFTs


class AccessPolicy:
    """One AccessPolicy on one chain. An order with it as ``requesterrestrict`` admits its members only."""

    def __init__(self, node: Node, address: Address) -> None:
        self.node = node
        self.address = address

    @classmethod
    async def deploy(cls, wallet: Wallet) -> Self:
        """Deploy a policy without members; the wallet becomes its owner."""
        code, abi = artifacts.bytecode("AccessPolicy"), artifacts.abi("AccessPolicy")
        return cls(wallet.node, await wallet.deploy(code, abi, action="Deploying the access policy"))

    async def grant(self, wallet: Wallet, account: Address, *, until: int = FOREVER) -> TransactionReceipt:
        """Let an account make deals until a Unix time. The wallet is the owner's."""
        return await self._send(wallet, "grant", account, until, action="Granting the use")

    async def revoke(self, wallet: Wallet, account: Address) -> TransactionReceipt:
        """Refuse further deals to an account, even if it holds the token. The wallet is the owner's."""
        return await self._send(wallet, "revoke", account, action="Revoking the use")

    async def admit_holders(self, wallet: Wallet, rule: HolderRule | None) -> TransactionReceipt:
        """Replace the rule for token holders; None admits no holders. The wallet is the owner's."""
        token, minimum = (rule.token, rule.minimum) if rule else (ZERO_ADDRESS, 0)
        return await self._send(wallet, "admit_holders", token, minimum, action="Admitting holders")

    async def allows(self, account: Address, *, at: Digest | None = None) -> bool:
        """Return whether an account may make a deal now, or at a block's hash."""
        return bool(await self._read("allows", account, at=at))

    async def owner(self, *, at: Digest | None = None) -> Address:
        """Return the account that grants and revokes."""
        return Address(await self._read("owner", at=at))

    async def holder_rule(self, *, at: Digest | None = None) -> HolderRule | None:
        """Return the rule for token holders; None if there is none."""
        token = Address(await self._read("token", at=at))
        return None if token == ZERO_ADDRESS else HolderRule(token, int(await self._read("minimum", at=at)))

    async def members(self, *, since: int = 0) -> list[AccessGrant]:
        """Return every account with a grant, by address; includes grants that ended, not revoked ones.

        ``since`` is the first block of the search, at latest the policy's own; public nodes limit the range.
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
        answer = await self.node.call(self.address, data, at=at, action=f"Reading {function} from the access policy")
        return _POLICY.decode(function, answer)

    async def _send(self, wallet: Wallet, function: str, *arguments: object, action: str) -> TransactionReceipt:
        return await wallet.call(self.address, "AccessPolicy", function, *arguments, action=action)
