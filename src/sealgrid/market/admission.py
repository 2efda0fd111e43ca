"""Whether an order may be listed: a numbered proof, at the newest block that the market has read."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from sealgrid.errors import OrderRefused
from sealgrid.market.book.counterparts import demand_counterparts
from sealgrid.market.book.order_kinds import KINDS, asset_of, money_for_one
from sealgrid.market.chain.follower import MarketChainFollower
from sealgrid.market.chain.ledger import CLOSED
from sealgrid.poco.orders import Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import Address, Digest
from sealgrid.wire.market import Kind


class AdmittedOrder(msgspec.Struct, frozen=True):
    """An order that may be listed."""

    order_hash: Digest
    signer: Address
    presigned: bool  #: it counts by the signer's transaction alone


class OrderAdmission:
    """Admits orders for one hub; ``per_signer`` is how many open orders of one kind an account may have listed."""

    def __init__(self, chain: MarketChainFollower, domain: OrderDomain, *, per_signer: int) -> None:
        self._chain, self.domain, self._per_signer = chain, domain, per_signer
        self._coming: defaultdict[tuple[Kind, Address], set[Digest]] = defaultdict(set)

    async def admit(self, kind: Kind, order: Order, claimant: Address) -> AdmittedOrder:
        """Return an order's hash and signer when it may be listed, else raise OrderRefused; ``check`` names why.

        (1) It has a volume. (2) Its category exists. (3) Its asset is in this hub's registry of its kind. (4) The
        asset's present owner, or the requester, is who asks; what they signed on chain is public, and anybody may ask.
        (5) It was not cancelled, a use of it is left, and it is not listed yet. (6) Its signer has room in the book.
        (7) Its signer has the money that one task takes. (8) They signed exactly this: with a key, as a contract, or on
        chain. (9) A request can be matched with an app order, and with a dataset order, at its price.
        """
        name = order_hash(order, self.domain)
        try:
            admitted = await self._judged(kind, order, name, claimant)
        except OrderRefused:
            # The chain may have moved a moment ago: an asset registered, money deposited. Look once more.
            await self._chain.catch_up()
            admitted = await self._judged(kind, order, name, claimant)
        if isinstance(order, RequestOrder):
            await demand_counterparts(order, self._chain)  # (9)
        return admitted

    @contextmanager
    def place(self, kind: Kind, admitted: AdmittedOrder) -> Iterator[None]:
        """Keep an admitted order's place while it is written down; raise OrderRefused where others took it meanwhile.

        Everybody who publishes at one moment was admitted by the same book, so (5) and (6) are asked once more.
        """
        name, mine = admitted.order_hash, (kind, admitted.signer)
        if name in self._coming.get(mine, ()) or self._chain.book.is_open(kind, name):  # (5)
            raise _published()
        self._demand_room(*mine)  # (6)
        self._coming[mine].add(name)
        try:
            yield
        finally:
            self._coming[mine].discard(name)
            if not self._coming[mine]:
                del self._coming[mine]

    async def _judged(self, kind: Kind, order: Order, name: Digest, claimant: Address) -> AdmittedOrder:
        # (1) volume
        if order.volume == 0:
            raise OrderRefused("the order's volume is 0; sign one with at least 1.", check="volume")
        # (2) category
        self._demand_category(order)
        # (3) asset
        signer = self._owner(kind, order)
        # (4) claimant
        if signer != claimant and not await self._chain.signed_on_chain(signer, name):
            raise OrderRefused(f"only order signer {signer} can publish an order; log in as that.", check="not-yours")
        # (5) a use left, and not listed
        self._demand_unused(kind, order, name)
        # (6) room
        self._demand_room(kind, signer)
        # (7) money
        self._demand_money(order, signer)
        # (8) signature
        signed = await self._chain.signed(signer, name, order.sign)
        if not signed and not await self._chain.signed_on_chain(signer, name):
            raise OrderRefused(
                f"the order is not signed by {signer}, whose it would have to be; sign it with that key.",
                check="signature",
            )
        return AdmittedOrder(name, signer, presigned=not signed)

    def _demand_category(self, order: Order) -> None:
        if not isinstance(order, RequestOrder | WorkerpoolOrder):
            return
        if self._chain.ledger.category(order.category) is None:
            raise OrderRefused(f"the hub has no category {order.category}; see GET /categories.", check="category")

    def _owner(self, kind: Kind, order: Order) -> Address:
        asset, registry = asset_of(kind, order), KINDS[kind].registry
        owner = asset if registry is None else self._chain.ledger.owner(registry, asset)
        if owner is None:
            raise OrderRefused(
                f"{asset} is no {str(registry).lower()} of this hub; register it first.", check="unregistered"
            )
        return owner

    def _demand_unused(self, kind: Kind, order: Order, name: Digest) -> None:
        book, consumed = self._chain.book, self._chain.ledger.consumed(name)
        if consumed >= CLOSED:
            raise OrderRefused("the order was cancelled on chain; sign a new one with another salt.", check="cancelled")
        if consumed >= order.volume:
            raise OrderRefused("every use of the order is gone; sign a new one with another salt.", check="used-up")
        listed = book.get(kind, name)
        if listed is not None and book.status(listed) != "dead":
            raise _published()

    def _demand_room(self, kind: Kind, signer: Address) -> None:
        book, most = self._chain.book, self._per_signer
        coming = sum(not book.is_open(kind, name) for name in self._coming.get((kind, signer), ()))
        if book.count_open_of(kind, signer) + coming >= most:
            raise OrderRefused(
                f"{signer} has {most} open {kind}, the most that are listed; take some off.", check="room"
            )

    def _demand_money(self, order: Order, signer: Address) -> None:
        needed, there = money_for_one(order), self._chain.ledger.stake(signer)
        if there < needed:
            check, what = ("funds", "may cost") if isinstance(order, RequestOrder) else ("stake", "takes as stake")
            raise OrderRefused(
                f"{signer} has {there} nRLC free in escrow, one task {what} {needed}; deposit more.", check=check
            )


def _published() -> OrderRefused:
    return OrderRefused("order already published; change the salt to list another like it.", check="published")
