"""Requests of a market's users: publish and withdraw orders, read orders, deals and categories."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from sealgrid.crypto.eip55 import checksum_address
from sealgrid.errors import ChainError, CheckFailed, InputRefused, NotFound, OrderRefused, ServiceUnavailable
from sealgrid.market.admission import OrderAdmission
from sealgrid.market.authentication import ChallengeAuthenticator
from sealgrid.market.book import filters
from sealgrid.market.book.order_book import OrderStatus, PublishedOrder
from sealgrid.market.book.order_kinds import KINDS, asset_of
from sealgrid.market.chain.follower import MarketChainFollower
from sealgrid.market.chain.ledger import LedgerCategory
from sealgrid.market.feed.feed import MarketFeed
from sealgrid.market.serialization import amount, timestamp, to_open_order
from sealgrid.market.store import RemoveOrder, StoreOrder
from sealgrid.market.writer import BatchWriter
from sealgrid.units import Address, DealId, Digest, to_address, to_digest
from sealgrid.wire.challenge import Token
from sealgrid.wire.market import (
    CategoryPage,
    CategoryReply,
    DealPage,
    Kind,
    MarketCategory,
    OpenOrder,
    OrderPage,
    OrderReply,
    UnpublishRequest,
)

_log = logging.getLogger("sealgrid")
_HEAD_SECONDS: Final = 2.0  #: longest wait of a request for the chain's head


class OrderService:
    """Handles the requests of one market; ``clock`` returns Unix seconds.

    Answers contain what the chain's head contained when the request arrived. While the chain's node does not answer,
    pages are served from the last block that was read.
    """

    def __init__(
        self,
        chain: MarketChainFollower,
        writer: BatchWriter,
        authenticator: ChallengeAuthenticator,
        admission: OrderAdmission,
        feed: MarketFeed,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.chain, self.authenticator, self.feed = chain, authenticator, feed
        self._writer, self._admission, self._clock = writer, admission, clock
        self._chain_id = admission.domain.chain

    async def publish(self, kind: Kind, document: Mapping[str, object], token: Token) -> OpenOrder:
        """Publish an order for its signer; raise CallRefused for a bad token, OrderRefused for a bad order."""
        await self.authenticator.verify(token)
        order = KINDS[kind].read(document)
        admitted = await self._admission.admit(order, token.address)
        now = int(self._clock() * 1000)
        published = PublishedOrder(order=order, published_at=now, **msgspec.structs.asdict(admitted))
        with self._admission.reserve(kind, admitted):
            await self._writer.submit(StoreOrder(published))
        return to_open_order(published, self.chain.book, self._chain_id)

    async def unpublish(self, kind: Kind, request: UnpublishRequest, token: Token) -> tuple[Digest, ...]:
        """Withdraw one order of the token's address, or the last or all of one asset; return their hashes."""
        await self.authenticator.verify(token)
        await self._catch_up()
        removed = self._orders_to_remove(kind, request, token.address)
        for each in removed:
            await self._writer.submit(RemoveOrder(each.order_hash))
        return tuple(each.order_hash for each in removed)

    async def orders(self, kind: Kind, params: Mapping[str, str]) -> OrderPage:
        """Return a page of the open orders that pass the filters, the best first."""
        query = filters.parse_order_query(kind, params)
        await self._catch_up()
        book = self.chain.book
        count, matches = book.find(kind, query.filters, start=query.start, size=query.size)
        return OrderPage(
            ok=True,
            orders=tuple(to_open_order(published, book, self._chain_id, offer=query.offers) for published in matches),
            count=count,
            nextPage=filters.next_page(query.start, query.size, count),
        )

    async def order(self, kind: Kind, name: str) -> OrderReply:
        """Return a published order in any status; raise NotFound for one that is unknown or withdrawn."""
        order_hash = _hash(name)
        await self._catch_up()
        published = self.chain.book.get(kind, order_hash)
        if published is None:
            raise NotFound(f"{KINDS[kind].one} not found")
        one = to_open_order(published, self.chain.book, self._chain_id)
        return OrderReply(ok=True, **{field: getattr(one, field) for field in one.__struct_fields__})

    async def deals(self, params: Mapping[str, str]) -> DealPage:
        """Return a page of the deals that pass the filters, the newest first."""
        conditions, start, size = filters.parse_deal_query(params)
        await self._catch_up()
        count, deals = self.chain.deals.find(conditions, start=start, size=size)
        return DealPage(ok=True, deals=tuple(deals), count=count, nextPage=filters.next_page(start, size, count))

    async def deal(self, name: str) -> dict[str, object]:
        """Return one deal; raise NotFound for one that is not on the chain, also after a reorganisation."""
        deal_id = DealId(_hash(name, "dealid"))
        await self._catch_up()
        deal = self.chain.deals.get(deal_id)
        if deal is None:
            raise NotFound("deal not found")
        return {"ok": True, **deal}

    async def prices(self, params: Mapping[str, str]) -> dict[str, object]:
        """Return the last prices of a category as (time, price per task, number of tasks), the newest first."""
        category = filters.parse_category(params)
        await self._catch_up()
        sold = self.chain.deals.prices(category)
        rows = [[timestamp(1000 * each.time), amount(each.price), amount(each.volume)] for each in sold]
        return {"ok": True, "ohlc": rows}

    async def categories(self, params: Mapping[str, str]) -> CategoryPage:
        """Return a page of the hub's categories, the shortest first."""
        minimum, maximum, start, size = filters.parse_category_query(params)
        await self._catch_up()
        numbered = enumerate(self.chain.ledger.categories())
        fitting = [(number, each) for number, each in numbered if minimum <= each.timeref <= maximum]
        fitting.sort(key=lambda numbered_category: numbered_category[1].timeref)
        page = [await self._category(number, each) for number, each in fitting[start : start + size]]
        following = filters.next_page(start, size, len(fitting))
        return CategoryPage(ok=True, categories=tuple(page), count=len(fitting), nextPage=following)

    async def category(self, name: str) -> CategoryReply:
        """Return one category; raise NotFound for an unknown one."""
        number = filters.parse_category({"category": name})
        await self._catch_up()
        category = self.chain.ledger.category(number)
        if category is None:
            raise NotFound("category not found")
        one = await self._category(number, category)
        fields = msgspec.structs.asdict(one) | {"chainId": str(self._chain_id)}
        return CategoryReply(ok=True, **fields)

    async def _catch_up(self) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                await self.chain.catch_up()
        except TimeoutError:
            _log.warning("the chain's node did not return its head within %s seconds", _HEAD_SECONDS)
        except (ChainError, CheckFailed, ServiceUnavailable) as error:
            _log.warning("the chain's head could not be read: %s", error)

    async def _category(self, number: int, category: LedgerCategory) -> MarketCategory:
        return MarketCategory(
            catid=number,
            chainId=self._chain_id,
            name=category.name,
            description=category.description,
            workClockTimeRef=category.timeref,
            transactionHash=category.transaction,
            blockNumber=category.block,
            blockTimestamp=timestamp(1000 * await self.chain.time_of(category.block, category.block_hash)),
        )

    def _orders_to_remove(self, kind: Kind, request: UnpublishRequest, signer: Address) -> tuple[PublishedOrder, ...]:
        book, rules = self.chain.book, KINDS[kind]
        if request.target == "unpublish_orderHash":
            order_hash = _hash(request.orderHash)
            published = book.get(kind, order_hash)
            if published is None or book.status(published) is not OrderStatus.OPEN:
                raise OrderRefused(f"{rules.one} with orderHash {order_hash} is not published")
            if published.signer != signer:
                raise OrderRefused(
                    f"only order signer {checksum_address(published.signer)} can unpublish an order", check="not-yours"
                )
            return (published,)
        try:
            asset = to_address(getattr(request, rules.asset))
        except ValueError as error:
            raise InputRefused(f"{rules.asset} is not a valid ethereum address: give 0x and 40 hex digits.") from error
        own_orders = [each for each in book.open_orders(kind, signer) if asset_of(each.order) == asset]
        if not own_orders:
            raise OrderRefused(
                f"no open {rules.one} published by signer {checksum_address(signer)} "
                f"for {rules.asset} {checksum_address(asset)}"
            )
        return tuple(own_orders if request.target == "unpublish_all" else own_orders[:1])


def _hash(text: str, what: str = "orderHash") -> Digest:
    try:
        return to_digest(text)
    except ValueError as error:
        raise InputRefused(f"{what} must be a bytes32 hexstring: 0x and 64 hex digits.") from error
