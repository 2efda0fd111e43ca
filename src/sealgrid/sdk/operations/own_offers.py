"""Find the open offers of an own app or model, in the market and in stored records; cancel or reprice them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from sealgrid.crypto.signing import ExternalKey
from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.poco.orders import AppOrder, DatasetOrder, from_document, terms_of
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.orders import count_offers, on_terms_of, sign_and_publish
from sealgrid.sdk.resources.offers import open_orders
from sealgrid.sdk.stores.model_store import ModelRecord
from sealgrid.units import Address

MAX_READS, POLL_SECONDS = 50, 0.1  #: of the market, until it has read a cancellation from the chain
O = TypeVar("O", AppOrder, DatasetOrder)  # noqa: E741  an order


@dataclass(frozen=True, slots=True)
class NodeRemoval:
    """The answer of one storage node to the removal of a file."""

    node: str  #: URL
    removed: bool  #: the node has the file no longer, or never had it
    reason: str = ""  #: one sentence on why the file stays, or may stay


@dataclass(frozen=True, slots=True)
class UnlistResult:
    """The number of cancelled offers, and sources that could not be searched."""

    cancelled: int  #: offers; cancelling is permanent
    unreached: tuple[str, ...]  #: one sentence a source that could not be searched
    nodes: tuple[NodeRemoval, ...] = ()  #: the storage nodes that were asked to remove the sealed file, if any


@dataclass(frozen=True, slots=True)
class OpenOffers(Generic[O]):
    """Orders that can be matched, each with its remaining uses."""

    orders: tuple[tuple[O, int], ...]
    unreached: tuple[str, ...]  #: one sentence a source that could not be searched


async def open_model_offers(conn: Connection, model: Address, record: ModelRecord | None) -> OpenOffers[DatasetOrder]:
    """Return every open offer of an own model on the market and in its record.

    Raises ServiceUnavailable when the market is unavailable and there is no record.
    """
    return await _open_offers(conn, DatasetOrder, model, None if record is None else record.offers())


async def open_app_offers(conn: Connection, app: Address) -> OpenOffers[AppOrder]:
    """Return every open offer of an own app on the market; offers of apps are not recorded."""
    return await _open_offers(conn, AppOrder, app, None)


async def unlist(conn: Connection, asset: Address, offers: OpenOffers[O]) -> UnlistResult:
    """Cancel each order by a transaction; raise NotFound when there is none."""
    if not offers.orders:
        raise NotFound(" ".join((f"{conn.address} offers no uses of {asset}.", *offers.unreached)))
    await cancel(conn, asset, [order for order, _ in offers.orders])
    return UnlistResult(count_offers(order for order, _ in offers.orders), offers.unreached)


async def cancel(conn: Connection, asset: Address, orders: Sequence[AppOrder | DatasetOrder]) -> None:
    """Cancel orders of one asset and wait until the market has read it from the chain."""
    for order in orders:
        await conn.hub.cancel(conn.wallet, order)
    for kind in {_kind_of(type(order)) for order in orders}:
        await until_market_follows(conn, kind, asset)


async def until_market_follows(conn: Connection, kind: AssetKind, asset: Address) -> None:
    """Wait up to 5 s until the market lists no consumed order of this account; it reads the chain with a delay."""
    with suppress(ServiceUnavailable):
        for _ in range(MAX_READS):
            own = [each for each in await open_orders(conn, kind, asset) if each.owner == conn.address]
            consumed = await asyncio.gather(*(conn.hub.view_consumed(each.orderHash) for each in own))
            if all(used < int(each.order["volume"]) for each, used in zip(own, consumed, strict=True)):
                return
            await asyncio.sleep(POLL_SECONDS)


def _kind_of(order: type[AppOrder] | type[DatasetOrder]) -> AssetKind:
    return "App" if order is AppOrder else "Dataset"


async def _open_offers(conn: Connection, kind: type[O], asset: Address, record: Sequence[O] | None) -> OpenOffers[O]:
    unreached: list[str] = []
    if record is None:
        unreached.append(
            f"this data folder has no record of {asset}: offers that were signed elsewhere and not listed stay open."
        )
    known = list(record or ())
    try:
        listed = await open_orders(conn, _kind_of(kind), asset)
        known += [from_document(kind, each.order) for each in listed if each.owner == conn.address]
    except ServiceUnavailable:
        if not known:
            raise
        unreached.append("the market does not answer: offers that only the market lists stay open; try again later.")
    orders = {order_hash(order, conn.order_domain): order for order in known}
    consumed = await asyncio.gather(*(conn.hub.view_consumed(digest) for digest in orders))
    left = [(order, order.volume - used) for order, used in zip(orders.values(), consumed, strict=True)]
    return OpenOffers(tuple(each for each in left if each[1] > 0), tuple(unreached))


@dataclass(frozen=True, slots=True)
class RepriceResult:
    """The offers at the new price."""

    offers: int  #: signed again
    uses: int  #: in all offers together
    unreached: tuple[str, ...]  #: one sentence a source that could not be searched


async def reprice(
    conn: Connection,
    asset: Address,
    price: int,
    offers: OpenOffers[O],
    store: Callable[[O], None] = lambda signed: None,
) -> RepriceResult:
    """Sign each open offer again at ``price`` nRLC for its remaining uses, then cancel the old one.

    An external wallet signs orders on equal terms as one, because each signature is a click. Old and new offers are
    open together for a moment. Raises NotFound when nothing is for sale.
    """
    if not offers.orders:
        raise NotFound(" ".join((f"{conn.address} offers no uses of {asset}.", *offers.unreached)))
    changed = [each for each in offers.orders if each[0].price != price]
    for order, left in join_equal(changed) if isinstance(conn.key, ExternalKey) else changed:
        await sign_and_publish(conn, on_terms_of(order.with_price(price), volume=left), store)
    await cancel(conn, asset, [order for order, _ in changed])
    return RepriceResult(
        count_offers(order for order, _ in changed), sum(left for _, left in offers.orders), offers.unreached
    )


def join_equal(orders: Sequence[tuple[O, int]]) -> list[tuple[O, int]]:
    """Return one order for each offer, with the remaining uses of all its orders."""
    joined: dict[object, tuple[O, int]] = {}
    for order, left in orders:
        first, before = joined.get(terms_of(order), (order, 0))
        joined[terms_of(order)] = (first, before + left)
    return list(joined.values())
