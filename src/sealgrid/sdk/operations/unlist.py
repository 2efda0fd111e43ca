"""Find every open offer of an own app or model, on the market and in one's own records; cancel them on the chain."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.poco.orders import AppOrder, DatasetOrder, from_document
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.orders import count_offers
from sealgrid.sdk.resources.offers import Kind, open_orders
from sealgrid.sdk.stores.model_store import ModelRecord
from sealgrid.units import Address

TRIES, PAUSE_SECONDS = 50, 0.1
O = TypeVar("O", AppOrder, DatasetOrder)  # noqa: E741  an order


@dataclass(frozen=True, slots=True)
class UnlistResult:
    """What was cancelled, and what may be left."""

    cancelled: int  #: offers, for ever
    unreached: tuple[str, ...]  #: a sentence for each place where offers could not be looked for


@dataclass(frozen=True, slots=True)
class OpenOffers(Generic[O]):
    """Offers that can be matched, with the uses that are left of each."""

    orders: tuple[tuple[O, int], ...]
    unreached: tuple[str, ...]  #: a sentence for each place where offers could not be looked for


async def still_open(conn: Connection, model: Address, kept: ModelRecord | None) -> OpenOffers[DatasetOrder]:
    """Return every open offer of an own model that the market or the record ``kept`` knows.

    Raises ServiceUnavailable when the market is away and there is no record.
    """
    return await _still_open(conn, DatasetOrder, model, None if kept is None else kept.offers())


async def still_open_of_app(conn: Connection, app: Address) -> OpenOffers[AppOrder]:
    """Return every open offer of an own app that the market knows; of apps there are no records here."""
    return await _still_open(conn, AppOrder, app, None)


async def unlist(conn: Connection, asset: Address, found: OpenOffers[O]) -> UnlistResult:
    """Cancel every order of the offers found, by a transaction each; raise NotFound when there is none."""
    if not found.orders:
        raise NotFound(" ".join((f"{conn.address} offers no uses of {asset}.", *found.unreached)))
    await cancel(conn, asset, [order for order, _ in found.orders])
    return UnlistResult(count_offers(order for order, _ in found.orders), found.unreached)


async def cancel(conn: Connection, asset: Address, orders: Sequence[AppOrder | DatasetOrder]) -> None:
    """Cancel offers of one asset, and wait until the market knows it too."""
    for order in orders:
        await conn.hub.cancel(conn.wallet, order)
    for kind in {kind_of(type(order)) for order in orders}:
        await until_market_follows(conn, kind, asset)


async def until_market_follows(conn: Connection, kind: Kind, asset: Address) -> None:
    """Wait a few seconds for the market, which reads the chain a moment later, to show no spent offer of ours."""
    with suppress(ServiceUnavailable):
        for _ in range(TRIES):
            ours = [each for each in await open_orders(conn, kind, asset) if each.owner == conn.address]
            gone = [await conn.hub.view_consumed(each.orderHash) for each in ours]
            if all(used < int(each.order["volume"]) for each, used in zip(ours, gone, strict=True)):
                return
            await asyncio.sleep(PAUSE_SECONDS)


def kind_of(order: type[AppOrder] | type[DatasetOrder]) -> Kind:
    """Return which kind of asset an order sells."""
    return "App" if order is AppOrder else "Dataset"


async def _still_open(conn: Connection, kind: type[O], asset: Address, record: Sequence[O] | None) -> OpenOffers[O]:
    unreached: list[str] = []
    if record is None:
        unreached.append(f"no record of {asset} is here: offers that were signed elsewhere and not listed stay open.")
    known = list(record or ())
    try:
        found = await open_orders(conn, kind_of(kind), asset)
        known += [from_document(kind, each.order) for each in found if each.owner == conn.address]
    except ServiceUnavailable:
        if not known:
            raise
        unreached.append("the market does not answer: offers that only it knows stay open; do it again later.")
    orders = {order_hash(order, conn.order_domain): order for order in known}
    left = [(order, order.volume - await conn.hub.view_consumed(digest)) for digest, order in orders.items()]
    return OpenOffers(tuple(each for each in left if each[1] > 0), tuple(unreached))
