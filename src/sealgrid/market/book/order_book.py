"""Order book: status of every published order, and an index of the open ones. Pure.

An order is open when it is published and the chain's ledger permits a match. A changed fact of the ledger updates
exactly the orders that depend on it, also in a reorganisation. Every method that changes the book returns the events of
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
    """Status of a published order, by iExec's names."""

    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    DEAD = "dead"  #: its signer no longer has the asset, the escrow for one task, or the presignature


class PublishedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A published order."""

    kind: Kind
    order_hash: Digest
    order: Order
    signer: Address
    published: int  #: Unix milliseconds at the market
    presigned: bool = False  #: valid by its signer's transaction alone, not by its ``sign`` field


class OrderOpened(msgspec.Struct, frozen=True):
    """An order became open."""

    listed: PublishedOrder
    remaining: int


class OrderUpdated(msgspec.Struct, frozen=True):
    """The remaining uses of an open order changed."""

    listed: PublishedOrder
    remaining: int


class OrderUnavailable(msgspec.Struct, frozen=True):
    """An order is no longer open: withdrawn, cancelled, used up or dead."""

    listed: PublishedOrder


BookEvent = OrderOpened | OrderUpdated | OrderUnavailable


class OrderBook:
    """All published orders, with an index of the open ones of each kind."""

    def __init__(self, ledger: ChainLedger) -> None:
        self._ledger = ledger
        self._listed: dict[Digest, PublishedOrder] = {}
        self._by_fact: defaultdict[Key, set[Digest]] = defaultdict(set)
        self._open_by_signer: defaultdict[tuple[Kind, Address], set[Digest]] = defaultdict(set)
        self._indexes = {kind: OrderIndex(_fields(kind), _NUMBERS) for kind in KINDS}
        self._offers = OfferGroups()

    # --- changes

    def publish(self, listed: PublishedOrder) -> tuple[BookEvent, ...]:
        """Add an order, or replace it."""
        self._listed[listed.order_hash] = listed
        for key in _facts_of(listed):
            self._by_fact[key].add(listed.order_hash)
        return tuple(self._refresh(listed))

    def withdraw(self, order_hash: Digest) -> tuple[BookEvent, ...]:
        """Remove an order; an unknown one has no effect."""
        listed = self._listed.pop(order_hash, None)
        if listed is None:
            return ()
        for key in _facts_of(listed):
            self._by_fact[key].discard(order_hash)
            if not self._by_fact[key]:
                del self._by_fact[key]
        return tuple(self._close(listed))

    def update(self, facts: Iterable[Key]) -> tuple[BookEvent, ...]:
        """Update the status of every order that depends on these facts of the ledger."""
        touched = {each for key in facts for each in self._by_fact.get(key, ())}
        return tuple(event for order_hash in touched for event in self._refresh(self._listed[order_hash]))

    def replace(self, ledger: ChainLedger) -> tuple[BookEvent, ...]:
        """Use another ledger and update every order: the chain was replaced."""
        self._ledger = ledger
        return tuple(event for listed in self._listed.values() for event in self._refresh(listed))

    # --- queries

    def get(self, kind: Kind, order_hash: Digest) -> PublishedOrder | None:
        """Return a published order in any status."""
        listed = self._listed.get(order_hash)
        return listed if listed and listed.kind == kind else None

    def find(
        self, kind: Kind, filters: Sequence[Filter], *, start: int, size: int
    ) -> tuple[int, tuple[PublishedOrder, ...]]:
        """Return the number of matching open orders, and ``size`` of them from ``start`` on.

        Order: cheapest offer or best paying request first, then oldest.
        """
        count, best = self._indexes[kind].find(filters, start=start, size=size)
        return count, tuple(self._listed[each] for each in best)

    def count(self, kind: Kind) -> int:
        """Return how many orders of a kind are open."""
        return len(self._indexes[kind])

    def open_orders(self, kind: Kind, signer: Address) -> tuple[PublishedOrder, ...]:
        """Return a signer's open orders of one kind, the newest first."""
        orders = [self._listed[each] for each in self._open_by_signer.get((kind, signer), ())]
        return tuple(sorted(orders, key=lambda listed: (-listed.published, listed.order_hash)))

    def count_open_orders(self, kind: Kind, signer: Address) -> int:
        """Return how many open orders of one kind a signer has."""
        return len(self._open_by_signer.get((kind, signer), ()))

    def is_open(self, kind: Kind, order_hash: Digest) -> bool:
        """Return whether an order of this kind is open."""
        return self._indexes[kind].get(order_hash) is not None

    def remaining(self, listed: PublishedOrder) -> int:
        """Return the remaining uses of an order."""
        return max(0, listed.order.volume - self._ledger.consumed(listed.order_hash))

    def remaining_of_offer(self, listed: PublishedOrder) -> int:
        """Return the remaining uses of all open orders of the same offer."""
        return sum(self.remaining(self._listed[each]) for each in self._offers.members(_offer_key(listed)))

    def status(self, listed: PublishedOrder) -> OrderStatus:
        """Return the status of an order at the ledger's block."""
        if self._ledger.consumed(listed.order_hash) >= CLOSED:
            return OrderStatus.CANCELED
        if not self.remaining(listed):
            return OrderStatus.FILLED
        return OrderStatus.OPEN if self._is_matchable(listed) else OrderStatus.DEAD

    def _is_matchable(self, listed: PublishedOrder) -> bool:
        registry = KINDS[listed.kind].registry
        asset = asset_of(listed.kind, listed.order)
        if registry is not None and self._ledger.owner(registry, asset) != listed.signer:
            return False
        if listed.presigned and not self._ledger.presigned(listed.order_hash):
            return False
        return self._ledger.stake(listed.signer) >= money_for_one(listed.order)

    def _refresh(self, listed: PublishedOrder) -> Iterator[BookEvent]:
        if self.status(listed) is not OrderStatus.OPEN:
            yield from self._close(listed)
            return
        index, remaining = self._indexes[listed.kind], self.remaining(listed)
        before = index.get(listed.order_hash)
        former = self._offers.first(_offer_key(listed))
        self._offers.add(_offer_key(listed), listed.published, listed.order_hash)
        self._index(listed)
        if former is not None and former != self._offers.first(_offer_key(listed)):
            self._index(self._listed[former])
        self._open_by_signer[listed.kind, listed.signer].add(listed.order_hash)
        if before is None:
            yield OrderOpened(listed, remaining)
        elif before.fields["remaining"] != remaining:
            yield OrderUpdated(listed, remaining)

    def _index(self, listed: PublishedOrder) -> None:
        first = self._offers.first(_offer_key(listed)) == listed.order_hash
        self._indexes[listed.kind].put(_entry(listed, self.remaining(listed), first=first))

    def _close(self, listed: PublishedOrder) -> Iterator[BookEvent]:
        if not self.is_open(listed.kind, listed.order_hash):
            return
        self._indexes[listed.kind].drop(listed.order_hash)
        self._offers.drop(_offer_key(listed), listed.order_hash)
        following = self._offers.first(_offer_key(listed))
        if following is not None:
            self._index(self._listed[following])
        open_orders = self._open_by_signer[listed.kind, listed.signer]
        open_orders.discard(listed.order_hash)
        if not open_orders:
            del self._open_by_signer[listed.kind, listed.signer]
        yield OrderUnavailable(listed)


def _offer_key(listed: PublishedOrder) -> Hashable:
    if not KINDS[listed.kind].offered:
        return listed.order_hash
    return listed.kind, listed.signer, listed.presigned, terms_of(listed.order)


def _facts_of(listed: PublishedOrder) -> tuple[Key, ...]:
    registry = KINDS[listed.kind].registry
    keys: list[Key] = [("consumed", listed.order_hash)]
    if registry is not None:
        keys.append((registry, asset_of(listed.kind, listed.order)))
    if listed.presigned:
        keys.append(("presigned", listed.order_hash))
    if isinstance(listed.order, RequestOrder | WorkerpoolOrder):
        keys.append(("stake", listed.signer))
    return tuple(keys)


#: Numeric fields and their binary digits: numbers in filters end at 2^53 - 2.
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
