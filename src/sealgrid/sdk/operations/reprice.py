"""Sell more uses of an own app or model, or sell what is left at another price."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sealgrid.crypto.signing import ExternalKey
from sealgrid.errors import NotFound
from sealgrid.poco.orders import AppOrder, DatasetOrder, terms_of
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.orders import count_offers, on_terms_of, sign_and_publish
from sealgrid.sdk.operations.unlist import O, OpenOffers, cancel
from sealgrid.units import Address


@dataclass(frozen=True, slots=True)
class RepriceResult:
    """What is for sale at the new price."""

    offers: int  #: that were signed again
    uses: int  #: in all of them
    unreached: tuple[str, ...]  #: a sentence for each place where old offers could not be looked for


async def reprice(
    conn: Connection, asset: Address, price: int, found: OpenOffers[O], keep: Callable[[O], None] = lambda signed: None
) -> RepriceResult:
    """Sign each open offer again at ``price`` nRLC for the uses that are left, then cancel the old one.

    A wallet elsewhere signs orders on equal terms as one: each signature is a click. For a moment old and new are
    open. Raises NotFound when nothing is for sale.
    """
    if not found.orders:
        raise NotFound(" ".join((f"{conn.address} offers no uses of {asset}.", *found.unreached)))
    dearer = [each for each in found.orders if price_of(each[0]) != price]
    for order, left in joined(dearer) if isinstance(conn.key, ExternalKey) else dearer:
        await sign_and_publish(conn, at_price(order, price, left), keep)
    await cancel(conn, asset, [order for order, _ in dearer])
    return RepriceResult(
        count_offers(order for order, _ in dearer), sum(left for _, left in found.orders), found.unreached
    )


def joined(orders: Sequence[tuple[O, int]]) -> list[tuple[O, int]]:
    """Return one order of each offer, with the uses that are left of all its orders."""
    offers: dict[object, tuple[O, int]] = {}
    for order, left in orders:
        first, before = offers.get(terms_of(order), (order, 0))
        offers[terms_of(order)] = (first, before + left)
    return list(offers.values())


def price_of(order: AppOrder | DatasetOrder) -> int:
    """Return what an offer asks for one use, nRLC."""
    return order.appprice if isinstance(order, AppOrder) else order.datasetprice


def at_price(order: O, price: int, uses: int) -> O:
    """Return an unsigned offer on the same terms, but for its price and uses."""
    field = "appprice" if isinstance(order, AppOrder) else "datasetprice"
    return on_terms_of(order, volume=uses, **{field: price})
