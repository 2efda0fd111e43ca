"""What the chain says of an order at one block: whose the asset is, and how much of the order is left."""

from sealgrid.chain.assets import Assets
from sealgrid.chain.hub import Hub
from sealgrid.chain.interface import interface
from sealgrid.errors import ChainError, ContractReverted, OrderRefused
from sealgrid.market.book import Listed
from sealgrid.market.kinds import KINDS, asset_of
from sealgrid.poco.orders import Order
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.wire.market import Kind

_HUB = interface("Hub")


class ChainSide:
    """One hub, and what it is at its newest block."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._moment: Moment | None = None

    async def now(self) -> "Moment":
        """Return the newest block's moment; as long as no block comes, it is the same one."""
        head = (await self._hub.node.block()).hash
        if self._moment is None or self._moment.block != head:
            self._moment = Moment(self._hub, head)
        return self._moment


class Moment:
    """One hub at one block; each question is put to the chain once."""

    def __init__(self, hub: Hub, block: Digest) -> None:
        self.block = block
        self._hub, self._assets = hub, Assets(hub)
        self._remaining: dict[Digest, int] = {}
        self._owners: dict[Address, Address] = {}

    async def owner(self, kind: Kind, order: Order) -> Address:
        """Return who may sign an order now; raise OrderRefused when its asset is not this hub's."""
        asset, registry = asset_of(kind, order), KINDS[kind].registry
        if registry is None:
            return asset
        if asset not in self._owners:
            if not await self._assets.is_registered(registry, asset, at=self.block):
                raise OrderRefused(f"{asset} is no {registry.lower()} of this hub; register it first.")
            self._owners[asset] = await self._assets.owner(asset, at=self.block)
        return self._owners[asset]

    async def remaining(self, order_hash: Digest, order: Order) -> int:
        """Return how many uses of an order are left."""
        if order_hash not in self._remaining:
            consumed = await self._hub.view_consumed(order_hash, at=self.block)
            self._remaining[order_hash] = max(0, order.volume - consumed)
        return self._remaining[order_hash]

    async def signed(self, signer: Address, order_hash: Digest, signature: bytes) -> bool:
        """Tell whether PoCo takes this signature for this account's, who may also have presigned the order on chain.

        A contract is asked by ERC-1271.
        """
        data = _HUB.call_data("verifyPresignatureOrSignature", signer, to_bytes(order_hash, 32), signature)
        try:
            answer = await self._hub.node.call(self._hub.address, data, at=self.block, doing="Checking the signature")
        except ContractReverted:
            return False
        return bool(_HUB.decode("verifyPresignatureOrSignature", answer))

    async def holds(self, listed: Listed) -> int:
        """Return how many uses of a listed order can be bought now: none once its signer lost the asset."""
        try:
            owner = await self.owner(listed.kind, listed.order)
        except (OrderRefused, ChainError):
            return 0
        return await self.remaining(listed.order_hash, listed.order) if owner == listed.signer else 0
