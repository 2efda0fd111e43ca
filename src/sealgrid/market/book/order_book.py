"""The book: which published orders can be matched now, and the best of them first. Pure.

What was published and the ledger of the chain decide together; a fact that changes reopens or closes exactly the
orders that it is about, also when a reorganisation takes it back. Whatever happens to the book returns what that did to
open orders.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import Final

import msgspec

from sealgrid.market.book.offer_groups import OfferGroups
from sealgrid.market.book.order_index import Filter, IndexEntry, OrderIndex, Value
from sealgrid.market.book.order_kinds import KINDS, asset_of, money_for_one, price_of
from sealgrid.market.chain.ledger import CLOSED, ChainLedger, Key
from sealgrid.poco.orders import Order, RequestOrder, WorkerpoolOrder, is_bulk, terms_of
from sealgrid.poco.tags import bits
from sealgrid.units import Address, Digest
from sealgrid.wire.market import Kind


class OrderStatus(StrEnum):
    """Where a published order stands, in iExec's words."""

    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    DEAD = "dead"  #: its signer no longer has the asset, or the money that one task of it takes, or what signed it


class PublishedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A published order."""

    kind: Kind
    order_hash: Digest
    order: Order
    signer: Address
    published: int  #: Unix milliseconds at the market
    presigned: bool = False  #: it counts by its signer's transaction alone, not by what stands in ``sign``


class OrderOpened(msgspec.Struct, frozen=True):
    """An order can be matched from now on, or again."""

    listed: PublishedOrder
    remaining: int


class OrderUpdated(msgspec.Struct, frozen=True):
    """Another number of uses is left of an open order."""

    listed: PublishedOrder
    remaining: int


class OrderUnavailable(msgspec.Struct, frozen=True):
    """An order cannot be matched any more: taken off, cancelled, used up or dead."""

    listed: PublishedOrder


BookEvent = OrderOpened | OrderUpdated | OrderUnavailable


class OrderBook:
    """Every published order, and a shelf of the open ones of each kind."""

    def __init__(self, ledger: ChainLedger) -> None:
        self._ledger = ledger
        self._listed: dict[Digest, PublishedOrder] = {}
        self._about: defaultdict[Key, set[Digest]] = defaultdict(set)
        self._open_of: defaultdict[tuple[Kind, Address], set[Digest]] = defaultdict(set)
        self._shelves = {kind: OrderIndex(_fields(kind), _NUMBERS) for kind in KINDS}
        self._offers = OfferGroups()

    # --- what happens

    def publish(self, listed: PublishedOrder) -> tuple[BookEvent, ...]:
        """List an order, or list it anew."""
        self._listed[listed.order_hash] = listed
        for key in _keys(listed):
            self._about[key].add(listed.order_hash)
        return tuple(self._judge(listed))

    def withdraw(self, order_hash: Digest) -> tuple[BookEvent, ...]:
        """Forget an order; one that is not listed is no mistake."""
        listed = self._listed.pop(order_hash, None)
        if listed is None:
            return ()
        for key in _keys(listed):
            self._about[key].discard(order_hash)
            if not self._about[key]:
                del self._about[key]
        return tuple(self._close(listed))

    def changed(self, facts: Iterable[Key]) -> tuple[BookEvent, ...]:
        """Judge anew every order that these facts of the ledger are about."""
        touched = {each for key in facts for each in self._about.get(key, ())}
        return tuple(event for order_hash in touched for event in self._judge(self._listed[order_hash]))

    def replace(self, ledger: ChainLedger) -> tuple[BookEvent, ...]:
        """Judge every order by another ledger: the chain was wiped."""
        self._ledger = ledger
        return tuple(event for listed in self._listed.values() for event in self._judge(listed))

    # --- what it knows

    def get(self, kind: Kind, order_hash: Digest) -> PublishedOrder | None:
        """Return a published order, whatever became of it."""
        listed = self._listed.get(order_hash)
        return listed if listed and listed.kind == kind else None

    def find(
        self, kind: Kind, filters: Sequence[Filter], *, start: int, size: int
    ) -> tuple[int, tuple[PublishedOrder, ...]]:
        """Return how many open orders pass, and some of them from ``start`` on.

        Offers come cheapest first, requests best paying first, then oldest first.
        """
        count, best = self._shelves[kind].find(filters, start=start, size=size)
        return count, tuple(self._listed[each] for each in best)

    def count(self, kind: Kind) -> int:
        """Return how many orders of a kind are open."""
        return len(self._shelves[kind])

    def open_of(self, kind: Kind, signer: Address) -> tuple[PublishedOrder, ...]:
        """Return a signer's open orders of one kind, the newest first."""
        found = [self._listed[each] for each in self._open_of.get((kind, signer), ())]
        return tuple(sorted(found, key=lambda listed: (-listed.published, listed.order_hash)))

    def count_open_of(self, kind: Kind, signer: Address) -> int:
        """Return how many open orders of one kind a signer has."""
        return len(self._open_of.get((kind, signer), ()))

    def is_open(self, kind: Kind, order_hash: Digest) -> bool:
        """Tell whether an order of this kind is listed and open."""
        return self._shelves[kind].get(order_hash) is not None

    def remaining(self, listed: PublishedOrder) -> int:
        """Return how many uses of an order are left."""
        return max(0, listed.order.volume - self._ledger.consumed(listed.order_hash))

    def remaining_of_offer(self, listed: PublishedOrder) -> int:
        """Return how many uses are left of all open orders on the terms of this one."""
        return sum(self.remaining(self._listed[each]) for each in self._offers.members(_offer(listed)))

    def status(self, listed: PublishedOrder) -> OrderStatus:
        """Return where an order stands at the ledger's block."""
        if self._ledger.consumed(listed.order_hash) >= CLOSED:
            return OrderStatus.CANCELED
        if not self.remaining(listed):
            return OrderStatus.FILLED
        return OrderStatus.OPEN if self._may_be_matched(listed) else OrderStatus.DEAD

    def _may_be_matched(self, listed: PublishedOrder) -> bool:
        registry = KINDS[listed.kind].registry
        asset = asset_of(listed.kind, listed.order)
        if registry is not None and self._ledger.owner(registry, asset) != listed.signer:
            return False
        if listed.presigned and not self._ledger.presigned(listed.order_hash):
            return False
        return self._ledger.stake(listed.signer) >= money_for_one(listed.order)

    def _judge(self, listed: PublishedOrder) -> Iterator[BookEvent]:
        if self.status(listed) is not OrderStatus.OPEN:
            yield from self._close(listed)
            return
        shelf, remaining = self._shelves[listed.kind], self.remaining(listed)
        before = shelf.get(listed.order_hash)
        former = self._offers.first(_offer(listed))
        self._offers.add(_offer(listed), listed.published, listed.order_hash)
        self._file(listed)
        if former is not None and former != self._offers.first(_offer(listed)):
            self._file(self._listed[former])
        self._open_of[listed.kind, listed.signer].add(listed.order_hash)
        if before is None:
            yield OrderOpened(listed, remaining)
        elif before.fields["remaining"] != remaining:
            yield OrderUpdated(listed, remaining)

    def _file(self, listed: PublishedOrder) -> None:
        first = self._offers.first(_offer(listed)) == listed.order_hash
        self._shelves[listed.kind].put(_entry(listed, self.remaining(listed), first=first))

    def _close(self, listed: PublishedOrder) -> Iterator[BookEvent]:
        if not self.is_open(listed.kind, listed.order_hash):
            return
        self._shelves[listed.kind].drop(listed.order_hash)
        self._offers.drop(_offer(listed), listed.order_hash)
        following = self._offers.first(_offer(listed))
        if following is not None:
            self._file(self._listed[following])
        mine = self._open_of[listed.kind, listed.signer]
        mine.discard(listed.order_hash)
        if not mine:
            del self._open_of[listed.kind, listed.signer]
        yield OrderUnavailable(listed)


def _offer(listed: PublishedOrder) -> Hashable:
    if not KINDS[listed.kind].offered:
        return listed.order_hash
    return listed.kind, listed.signer, listed.presigned, terms_of(listed.order)


def _keys(listed: PublishedOrder) -> tuple[Key, ...]:
    registry = KINDS[listed.kind].registry
    about: list[Key] = [("consumed", listed.order_hash)]
    if registry is not None:
        about.append((registry, asset_of(listed.kind, listed.order)))
    if listed.presigned:
        about.append(("presigned", listed.order_hash))
    if isinstance(listed.order, RequestOrder | WorkerpoolOrder):
        about.append(("stake", listed.signer))
    return tuple(about)


#: What is found by numbers or bits, with how many binary digits can be asked for: filters end at 2^53 - 2.
_NUMBERS: Final = {"tag": 256, "remaining": 53, "trust": 53}


@cache
def _fields(kind: Kind) -> tuple[str, ...]:
    rules = KINDS[kind]
    return (*rules.equal, *rules.restrict.values(), *_NUMBERS, "signer", "bulk", "first")


def _entry(listed: PublishedOrder, remaining: int, *, first: bool) -> IndexEntry:
    kind, order = listed.kind, listed.order
    price = price_of(kind, order)
    rank = (-price if kind == "requestorders" else price, listed.published, listed.order_hash)
    own: dict[str, Value] = {
        "signer": listed.signer,
        "remaining": remaining,
        "bulk": is_bulk(order),
        "tag": bits(order.tag),
        "trust": getattr(order, "trust", 0),
        "first": first,
    }
    return IndexEntry(
        order_hash=listed.order_hash,
        rank=rank,
        fields={name: own.get(name, getattr(order, name, "")) for name in _fields(kind)},
    )
