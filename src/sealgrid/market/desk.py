"""What owners and buyers ask a market."""

import time
from collections.abc import Callable, Mapping

from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.market.book import Book, Exhausted, Listed, Published
from sealgrid.market.chainside import ChainSide, Moment
from sealgrid.market.kinds import KINDS
from sealgrid.market.store import OrderStore
from sealgrid.poco.orders import to_document
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import Address, Digest
from sealgrid.wire.market import Kind, OpenOrder, Orders

PAGE, LARGEST_PAGE = 100, 1000


class Desk:
    """Answers every path of the market's API; ``clock`` is Unix seconds."""

    def __init__(
        self,
        store: OrderStore,
        chain: ChainSide,
        domain: OrderDomain,
        *,
        per_signer: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._chain, self._domain = store, chain, domain
        self._per_signer, self._clock = per_signer, clock
        self.book = Book()
        for event in store.events():
            self.book = self.book.after(event)

    async def publish(self, kind: Kind, document: dict[str, str]) -> Digest:
        """List an order and return its hash; publishing it again changes nothing.

        (1) It is written as iExec's market writes it. (2) The asset is this hub's. (3) The asset's present owner, or
        the requester, signed it. (4) A use of it is left. (5) The signer has room in the book.
        Raises OrderRefused with the sentence that belongs to the first that fails.
        """
        # (1) form
        order = KINDS[kind].read(document)
        name = order_hash(order, self._domain)
        # (2) asset
        now = await self._chain.now()
        owner = await now.owner(kind, order)
        # (3) signature
        if not await now.signed(owner, name, order.sign):
            raise OrderRefused(f"the order is not signed by {owner}, whose it would have to be; sign it with that key.")
        # (4) volume
        if await now.remaining(name, order) == 0:
            raise OrderRefused("the order has no use left: it is used up or was cancelled; sign a new one.")
        # (5) room
        await self._make_room(kind, owner, now)
        published = Listed(kind=kind, order_hash=name, order=order, signer=owner, published=self._clock())
        self._note(Published(published))
        return name

    async def orders(self, kind: Kind, filters: Mapping[str, str], *, page: int = 0, size: int = PAGE) -> Orders:
        """Return a page of orders that can be matched at the newest block, the best first."""
        if page < 0 or not 0 < size <= LARGEST_PAGE:
            raise InputRefused(f"pageIndex counts from 0, pageSize is 1 to {LARGEST_PAGE}.")
        now = await self._chain.now()
        seen = [await self._open(listed, now) for listed in self.book.find(kind, filters)]
        found = [each for each in seen if each is not None]
        return Orders(ok=True, orders=tuple(found[page * size : (page + 1) * size]), count=len(found))

    async def order(self, kind: Kind, name: Digest) -> OpenOrder:
        """Return one order; raise NotFound when it is not offered (any more)."""
        now = await self._chain.now()
        listed = self.book.orders.get(name)
        found = await self._open(listed, now) if listed and listed.kind == kind else None
        if found is None:
            raise NotFound(f"no order {name} is offered; it may be used up, cancelled, or its asset sold.")
        return found

    async def _open(self, listed: Listed, now: Moment) -> OpenOrder | None:
        remaining = await now.holds(listed)
        if remaining == 0:
            if await now.remaining(listed.order_hash, listed.order) == 0:
                self._note(Exhausted(listed.order_hash))
            return None
        document = to_document(listed.order)
        return OpenOrder(orderHash=listed.order_hash, order=document, remaining=remaining, signer=listed.signer)

    async def _make_room(self, kind: Kind, signer: Address, now: Moment) -> None:
        mine = self.book.of_signer(kind, signer)
        if len(mine) < self._per_signer:
            return
        still = [listed for listed in mine if await self._open(listed, now) is not None]
        if len(still) >= self._per_signer:
            raise OrderRefused(f"{signer} has {len(still)} open {kind}, the most that are listed; cancel some.")

    def _note(self, event: Published | Exhausted) -> None:
        self._store.keep(event)
        self.book = self.book.after(event)
