"""Checks before an order is published (1-9), at the newest block that the market has read."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import msgspec

from sealgrid.crypto.eip55 import checksum_address
from sealgrid.errors import OrderRefused
from sealgrid.market.book.order_index import Filter, HasBitsFilter, OneOfFilter
from sealgrid.market.book.order_kinds import KINDS, asset_of, money_for_one, price_of
from sealgrid.market.chain.follower import MarketChainFollower
from sealgrid.market.chain.ledger import CLOSED
from sealgrid.poco.matching import groups_of
from sealgrid.poco.orders import Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.tags import TEE, is_tee
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.market import Kind

_MAX_OFFERS: Final = 100  #: offers of one asset that check (9) considers, the cheapest first


class AdmittedOrder(msgspec.Struct, frozen=True):
    """An order that passed the checks."""

    order_hash: Digest
    signer: Address
    presigned: bool  #: it is valid by the signer's transaction alone, not by its ``sign`` field


class OrderAdmission:
    """Checks orders for one hub; ``per_signer`` limits the open orders of one kind and signer."""

    def __init__(self, chain: MarketChainFollower, domain: OrderDomain, *, per_signer: int) -> None:
        self._chain, self.domain, self._per_signer = chain, domain, per_signer
        self._reserved: defaultdict[tuple[Kind, Address], set[Digest]] = defaultdict(set)

    async def admit(self, order: Order, claimant: Address) -> AdmittedOrder:
        """Return an order's hash and signer; raise OrderRefused, with the failed ``check``, unless all checks hold.

        (1) Its volume is positive. (2) Its category exists. (3) Its asset is in this hub's registry of its kind.
        (4) The claimant is the asset's present owner, or the requester; an order presigned on chain is public, and
        anyone may publish it. (5) It is not cancelled, not used up and not published yet. (6) Its signer is below the
        limit of open orders. (7) Its signer has the escrow that one task takes. (8) Its signer signed it: with a key,
        as a contract (ERC-1271), or on chain. (9) The book has an app order, and for a request with a dataset a
        dataset order, that a request can be matched with at its price.
        """
        # A book behind the chain would admit an order that was used up, and refuse one whose deposit it has not read.
        await self._chain.catch_up()
        name = order_hash(order, self.domain)
        admitted = await self._check(order, name, claimant)
        if isinstance(order, RequestOrder):
            # (9) matching offers
            await self._check_matching_offer("app", order)
            if order.dataset != ZERO_ADDRESS:
                await self._check_matching_offer("dataset", order)
        return admitted

    @contextmanager
    def reserve(self, kind: Kind, admitted: AdmittedOrder) -> Iterator[None]:
        """Reserve an admitted order's hash and slot while it is written; raise OrderRefused when either is taken.

        Concurrent publications were checked against the same book, so checks (5) and (6) run once more.
        """
        name, signer_key = admitted.order_hash, (kind, admitted.signer)
        if name in self._reserved.get(signer_key, ()) or self._chain.book.is_open(kind, name):  # (5)
            raise _published()
        self._check_room(*signer_key)  # (6)
        self._reserved[signer_key].add(name)
        try:
            yield
        finally:
            self._reserved[signer_key].discard(name)
            if not self._reserved[signer_key]:
                del self._reserved[signer_key]

    async def _check(self, order: Order, name: Digest, claimant: Address) -> AdmittedOrder:
        ledger = self._chain.ledger
        # (1) volume
        if order.volume == 0:
            raise OrderRefused("the order's volume is 0; sign one with at least 1.", check="volume")
        # (2) category
        if isinstance(order, RequestOrder | WorkerpoolOrder) and ledger.category(order.category) is None:
            raise OrderRefused(f"the hub has no category {order.category}; see GET /categories.", check="category")
        # (3) asset
        asset, registry = asset_of(order), KINDS[order.kind].registry
        signer = asset if registry is None else ledger.owner(registry, asset)
        if signer is None:
            raise OrderRefused(
                f"{asset} is not a registered {str(registry).lower()} of this hub; register it first.",
                check="unregistered",
            )
        # (4) claimant
        if signer != claimant and not await self._chain.is_presigned_by(signer, name):
            raise OrderRefused(
                f"only order signer {signer} can publish an order; authenticate with that account.", check="not-yours"
            )
        # (5) not cancelled, used up or published
        self._check_unused(order, name)
        # (6) limit
        self._check_room(order.kind, signer)
        # (7) money
        needed, balance = money_for_one(order), ledger.stake(signer)
        if balance < needed:
            check, what = ("funds", "may cost") if isinstance(order, RequestOrder) else ("stake", "takes as stake")
            raise OrderRefused(
                f"{signer} has {balance} nRLC free in escrow, one task {what} {needed}; deposit more.", check=check
            )
        # (8) signature
        signed = await self._chain.is_signed_by(signer, name, order.sign)
        if not signed and not await self._chain.is_presigned_by(signer, name):
            raise OrderRefused(
                "invalid sign",
                hint=f"the order is not signed by {signer}, its required signer: sign it with that key.",
                check="signature",
            )
        return AdmittedOrder(name, signer, presigned=not signed)

    def _check_unused(self, order: Order, name: Digest) -> None:
        book, consumed = self._chain.book, self._chain.ledger.consumed(name)
        if consumed >= CLOSED:
            raise OrderRefused(
                "order already consumed",
                hint="its owner cancelled it on chain: sign a new one with another salt.",
                check="cancelled",
            )
        if consumed >= order.volume:
            raise OrderRefused(
                "order already consumed",
                hint="deals used its whole volume: sign a new one with another salt.",
                check="used-up",
            )
        published = book.get(order.kind, name)
        if published is not None and book.status(published) != "dead":
            raise _published()

    def _check_room(self, kind: Kind, signer: Address) -> None:
        book, limit = self._chain.book, self._per_signer
        reserved = sum(not book.is_open(kind, name) for name in self._reserved.get((kind, signer), ()))
        if book.count_open_orders(kind, signer) + reserved >= limit:
            raise OrderRefused(
                f"{signer} has {limit} open {kind}, the most that a signer may have; withdraw some.", check="room"
            )

    async def _check_matching_offer(self, asset: Literal["app", "dataset"], request: RequestOrder) -> None:
        address, max_price = getattr(request, asset), int(getattr(request, f"{asset}maxprice"))
        filters: list[Filter] = [OneOfFilter(asset, (address,))]
        if asset == "app" and is_tee(request.tag):
            filters.append(HasBitsFilter("tag", TEE))
        kind: Literal["apporders", "datasetorders"] = "apporders" if asset == "app" else "datasetorders"
        _, offers = self._chain.book.find(kind, filters, start=0, size=_MAX_OFFERS)
        for offer in offers:
            if await self._permits(offer.order, request):
                if (price := price_of(offer.order)) <= max_price:
                    return
                raise OrderRefused(
                    f"{asset}maxprice for {asset} {checksum_address(address)} is too low, "
                    f"actual best price is {price} nRLC",
                    hint=f"the request offers {max_price}: offer more.",
                    check=f"{asset}-price",
                )
        enclave = "tee enabled " if len(filters) > 1 else ""
        raise OrderRefused(
            f"No {enclave}{asset}order published for {asset} {checksum_address(address)}",
            hint="no open order offers it to this request: ask its owner for an order.",
            check=f"no-{asset}order",
        )

    async def _permits(self, offer: Order, request: RequestOrder) -> bool:
        # A request may leave the pool open, or name a group of pools.
        one_pool = self._chain.ledger.owner("Workerpool", request.workerpool) is not None
        memberships = groups_of(
            offer,
            app=request.app,
            dataset=request.dataset,
            requester=request.requester,
            workerpool=request.workerpool if one_pool else None,
        )
        for group, account in memberships:
            if not await self._chain.is_member(group, account):
                return False
        return True


def _published() -> OrderRefused:
    return OrderRefused(
        "order already published", hint="change the salt to publish another like it.", check="published"
    )
