"""The book: orders in, pages out. Pure; what the chain says of an order is asked elsewhere."""

from collections.abc import Mapping
from typing import Final

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.market.kinds import KINDS, price_of
from sealgrid.poco.orders import Order
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.market import Kind

ANY: Final = "any"  #: a filter's value that lets every restriction pass


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A published order."""

    kind: Kind
    order_hash: Digest
    order: Order
    signer: Address
    published: float  #: Unix seconds at the market


class Published(msgspec.Struct, frozen=True):
    """An order came in, checked."""

    listed: Listed


class Exhausted(msgspec.Struct, frozen=True):
    """An order has no use left; it never will again."""

    order_hash: Digest


class Book(msgspec.Struct, frozen=True):
    """Every order that may still be matched."""

    orders: Mapping[Digest, Listed] = {}

    def after(self, event: Published | Exhausted) -> "Book":
        """Return the book after one event; an order published twice is listed once."""
        match event:
            case Published(listed):
                return Book({listed.order_hash: listed, **self.orders})
            case Exhausted(order_hash):
                return Book({key: listed for key, listed in self.orders.items() if key != order_hash})

    def of_signer(self, kind: Kind, signer: Address) -> tuple[Listed, ...]:
        """Return one signer's orders of one kind."""
        return tuple(each for each in self.orders.values() if (each.kind, each.signer) == (kind, signer))

    def find(self, kind: Kind, filters: Mapping[str, str]) -> tuple[Listed, ...]:
        """Return orders of a kind that pass every filter, the best for whoever looks first.

        A restriction that no filter names must be open to anyone, as in iExec's market; ``any`` lets all pass.
        Offers come cheapest first, requests best paying first, then oldest first. Raises InputRefused for an
        unknown filter.
        """
        if unknown := set(filters) - set(KINDS[kind].equal) - set(KINDS[kind].restrict):
            known = ", ".join(sorted({*KINDS[kind].equal, *KINDS[kind].restrict}))
            raise InputRefused(f"{kind} cannot be found by {', '.join(sorted(unknown))}; use {known}.")
        found = [each for each in self.orders.values() if each.kind == kind and _passes(each, filters)]
        return tuple(sorted(found, key=_rank))


def _passes(listed: Listed, filters: Mapping[str, str]) -> bool:
    rules = KINDS[listed.kind]
    equal = all(
        filters.get(name, ANY).lower() in {ANY, str(getattr(listed.order, field))}
        for name, field in rules.equal.items()
    )
    return equal and all(
        _admits(Address(getattr(listed.order, field)), filters.get(name)) for name, field in rules.restrict.items()
    )


def _admits(restriction: Address, who: str | None) -> bool:
    return restriction == ZERO_ADDRESS or (who is not None and who.lower() in {ANY, restriction})


def _rank(listed: Listed) -> tuple[int, float, Digest]:
    price = price_of(listed.kind, listed.order)
    return (-price if listed.kind == "requestorders" else price), listed.published, listed.order_hash
