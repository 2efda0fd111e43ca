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

    order_hash: Digest
    order: Order
    signer: Address
    published_at: int  #: Unix milliseconds at the market
    presigned: bool = False  #: valid by its signer's transaction alone, not by its ``sign`` field

    @property
    def kind(self) -> Kind:
        """Return the kind of the order."""
        return self.order.kind


class OrderOpened(msgspec.Struct, frozen=True):
    """An order became open."""

    published: PublishedOrder
    remaining: int


class OrderUpdated(msgspec.Struct, frozen=True):
    """The remaining uses of an open order changed."""

    published: PublishedOrder
    remaining: int


class OrderUnavailable(msgspec.Struct, frozen=True):
    """An order is no longer open: withdrawn, cancelled, used up or dead."""

    published: PublishedOrder


BookEvent = OrderOpened | OrderUpdated | OrderUnavailable


class OrderBook:
    """All published orders, with an index of the open ones of each kind."""

    def __init__(self, ledger: ChainLedger) -> None:
        self._ledger = ledger
        self._orders: dict[Digest, PublishedOrder] = {}
        self._by_fact: defaultdict[Key, set[Digest]] = defaultdict(set)
        self._open_by_signer: defaultdict[tuple[Kind, Address], set[Digest]] = defaultdict(set)
        self._indexes = {kind: OrderIndex(_fields(kind), _NUMBERS) for kind in KINDS}
        self._offers = OfferGroups()

    # --- changes

    def publish(self, published: PublishedOrder) -> tuple[BookEvent, ...]:
        """Add an order, or replace it."""
        self._orders[published.order_hash] = published
        for key in _facts_of(published):
            self._by_fact[key].add(published.order_hash)
        return tuple(self._refresh(published))

    def withdraw(self, order_hash: Digest) -> tuple[BookEvent, ...]:
        """Remove an order; an unknown one has no effect."""
        published = self._orders.pop(order_hash, None)
        if published is None:
            return ()
        for key in _facts_of(published):
            self._by_fact[key].discard(order_hash)
            if not self._by_fact[key]:
                del self._by_fact[key]
        return tuple(self._close(published))

    def update(self, facts: Iterable[Key]) -> tuple[BookEvent, ...]:
        """Update the status of every order that depends on these facts of the ledger."""
        touched = {each for key in facts for each in self._by_fact.get(key, ())}
        return tuple(event for order_hash in touched for event in self._refresh(self._orders[order_hash]))

    def replace(self, ledger: ChainLedger) -> tuple[BookEvent, ...]:
        """Use another ledger and update every order: the chain was replaced."""
        self._ledger = ledger
        return tuple(event for published in self._orders.values() for event in self._refresh(published))

    # --- queries

    def get(self, kind: Kind, order_hash: Digest) -> PublishedOrder | None:
        """Return a published order in any status."""
        published = self._orders.get(order_hash)
        return published if published and published.kind == kind else None

    def find(
        self, kind: Kind, filters: Sequence[Filter], *, start: int, size: int
    ) -> tuple[int, tuple[PublishedOrder, ...]]:
        """Return the number of matching open orders, and ``size`` of them from ``start`` on.

        Order: cheapest offer or best paying request first, then oldest.
        """
        count, best = self._indexes[kind].find(filters, start=start, size=size)
        return count, tuple(self._orders[each] for each in best)

    def count(self, kind: Kind) -> int:
        """Return how many orders of a kind are open."""
        return len(self._indexes[kind])

    def open_orders(self, kind: Kind, signer: Address) -> tuple[PublishedOrder, ...]:
        """Return a signer's open orders of one kind, the newest first."""
        orders = [self._orders[each] for each in self._open_by_signer.get((kind, signer), ())]
        return tuple(sorted(orders, key=lambda published: (-published.published_at, published.order_hash)))

    def count_open_orders(self, kind: Kind, signer: Address) -> int:
        """Return how many open orders of one kind a signer has."""
        return len(self._open_by_signer.get((kind, signer), ()))

    def is_open(self, kind: Kind, order_hash: Digest) -> bool:
        """Return whether an order of this kind is open."""
        return self._indexes[kind].get(order_hash) is not None

    def remaining(self, published: PublishedOrder) -> int:
        """Return the remaining uses of an order."""
        return max(0, published.order.volume - self._ledger.consumed(published.order_hash))

    def remaining_of_offer(self, published: PublishedOrder) -> int:
        """Return the remaining uses of all open orders of the same offer."""
        return sum(self.remaining(self._orders[each]) for each in self._offers.members(_offer_key(published)))

    def status(self, published: PublishedOrder) -> OrderStatus:
        """Return the status of an order at the ledger's block."""
        if self._ledger.consumed(published.order_hash) >= CLOSED:
            return OrderStatus.CANCELED
        if not self.remaining(published):
            return OrderStatus.FILLED
        registry = KINDS[published.kind].registry
        if registry is not None and self._ledger.owner(registry, asset_of(published.order)) != published.signer:
            return OrderStatus.DEAD
        if published.presigned and not self._ledger.presigned(published.order_hash):
            return OrderStatus.DEAD
        has_money = self._ledger.stake(published.signer) >= money_for_one(published.order)
        return OrderStatus.OPEN if has_money else OrderStatus.DEAD

    def _refresh(self, published: PublishedOrder) -> Iterator[BookEvent]:
        if self.status(published) is not OrderStatus.OPEN:
            yield from self._close(published)
            return
        index, remaining = self._indexes[published.kind], self.remaining(published)
        before = index.get(published.order_hash)
        former = self._offers.first(_offer_key(published))
        self._offers.add(_offer_key(published), published.published_at, published.order_hash)
        self._index(published)
        if former is not None and former != self._offers.first(_offer_key(published)):
            self._index(self._orders[former])
        self._open_by_signer[published.kind, published.signer].add(published.order_hash)
        if before is None:
            yield OrderOpened(published, remaining)
        elif before.fields["remaining"] != remaining:
            yield OrderUpdated(published, remaining)

    def _index(self, published: PublishedOrder) -> None:
        """Put an order into its index, with the fields that filters compare and the rank that sorts it."""
        kind, order = published.kind, published.order
        price = price_of(order)
        own: dict[str, Value] = {
            "signer": published.signer,
            "remaining": self.remaining(published),
            "bulk": is_bulk(order),
            "tag": bits(order.tag),
            "trust": getattr(order, "trust", 0),
            "first": self._offers.first(_offer_key(published)) == published.order_hash,
        }
        entry = IndexEntry(
            order_hash=published.order_hash,
            rank=(-price if kind == "requestorders" else price, published.published_at, published.order_hash),
            fields={name: own.get(name, getattr(order, name, "")) for name in _fields(kind)},
        )
        self._indexes[kind].put(entry)

    def _close(self, published: PublishedOrder) -> Iterator[BookEvent]:
        if not self.is_open(published.kind, published.order_hash):
            return
        self._indexes[published.kind].drop(published.order_hash)
        self._offers.drop(_offer_key(published), published.order_hash)
        following = self._offers.first(_offer_key(published))
        if following is not None:
            self._index(self._orders[following])
        open_orders = self._open_by_signer[published.kind, published.signer]
        open_orders.discard(published.order_hash)
        if not open_orders:
            del self._open_by_signer[published.kind, published.signer]
        yield OrderUnavailable(published)


def _offer_key(published: PublishedOrder) -> Hashable:
    if not KINDS[published.kind].offered:
        return published.order_hash
    return published.kind, published.signer, published.presigned, terms_of(published.order)


def _facts_of(published: PublishedOrder) -> tuple[Key, ...]:
    registry = KINDS[published.kind].registry
    keys: list[Key] = [("consumed", published.order_hash)]
    if registry is not None:
        keys.append((registry, asset_of(published.order)))
    if published.presigned:
        keys.append(("presigned", published.order_hash))
    if isinstance(published.order, RequestOrder | WorkerpoolOrder):
        keys.append(("stake", published.signer))
    return tuple(keys)


#: Numeric fields and their binary digits: numbers in filters end at 2^53 - 2.
_NUMBERS: Final = {"tag": 256, "remaining": 53, "trust": 53}


@cache
def _fields(kind: Kind) -> tuple[str, ...]:
    rules = KINDS[kind]
    return (*rules.equal, *rules.restrict.values(), *_NUMBERS, "signer", "bulk", "first")
