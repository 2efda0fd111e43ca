"""Cancel on the chain every offer of an own model that can be found: on the market, and in one's own records."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.poco.orders import DatasetOrder, from_document
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.face.listings import open_orders
from sealgrid.sdk.kept_models import KeptModel
from sealgrid.units import Address

TRIES, PAUSE_SECONDS = 50, 0.1


@dataclass(frozen=True, slots=True)
class Unlisted:
    """What was cancelled, and what may be left."""

    cancelled: int  #: offers, for ever
    unreached: tuple[str, ...]  #: a sentence for each place where offers could not be looked for


@dataclass(frozen=True, slots=True)
class StillOpen:
    """Offers that can be matched, with the uses that are left of each."""

    orders: tuple[tuple[DatasetOrder, int], ...]
    unreached: tuple[str, ...]  #: a sentence for each place where offers could not be looked for


async def still_open(conn: Connection, model: Address, kept: KeptModel | None) -> StillOpen:
    """Return every open offer of an own model that the market or the record ``kept`` knows.

    Raises ServiceUnavailable when the market is away and there is no record.
    """
    unreached: list[str] = []
    if kept is None:
        unreached.append(f"no record of {model} is here: offers that were signed elsewhere and not listed stay open.")
    known = list(kept.offers()) if kept else []
    try:
        found = await open_orders(conn, "Dataset", model)
        known += [from_document(DatasetOrder, each.order) for each in found if each.owner == conn.address]
    except ServiceUnavailable:
        if not known:
            raise
        unreached.append("the market does not answer: offers that only it knows stay open; do it again later.")
    orders = {order_hash(order, conn.order_domain): order for order in known}
    left = [(order, order.volume - await conn.hub.view_consumed(digest)) for digest, order in orders.items()]
    return StillOpen(tuple(each for each in left if each[1] > 0), tuple(unreached))


async def unlist(conn: Connection, model: Address, kept: KeptModel | None) -> Unlisted:
    """Cancel every open offer of a model that the market or the record ``kept`` knows.

    Raises NotFound when there is none, ServiceUnavailable when the market is away and there is no record.
    """
    found = await still_open(conn, model, kept)
    if not found.orders:
        raise NotFound(" ".join((f"{conn.address} offers no uses of the model {model}.", *found.unreached)))
    await cancel(conn, model, found)
    return Unlisted(len(found.orders), found.unreached)


async def cancel(conn: Connection, model: Address, found: StillOpen) -> None:
    """Cancel the offers found, and wait a few seconds for the market, which reads the chain a moment later."""
    for order, _ in found.orders:
        await conn.hub.cancel(conn.wallet, order)
    with suppress(ServiceUnavailable):
        for _ in range(TRIES):
            if all(order.owner != conn.address for order in await open_orders(conn, "Dataset", model)):
                return
            await asyncio.sleep(PAUSE_SECONDS)
