"""Sign, publish and choose the orders that make a deal."""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from sealgrid.crypto.signing import ExternalKey
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.poco.orders import (
    AnyOrder,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
    is_bulk,
    terms_of,
    to_document,
)
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_digest
from sealgrid.wire.market import Kind, OpenOrder

KINDS: dict[type[AppOrder | DatasetOrder | WorkerpoolOrder | RequestOrder], Kind] = {
    AppOrder: "apporders",
    DatasetOrder: "datasetorders",
    WorkerpoolOrder: "workerpoolorders",
    RequestOrder: "requestorders",
}


ORDERS: Final = 10  #: equal orders that an offer is signed as, unless its owner says otherwise
LEAST_VOLUME: Final = 10  #: uses of each, where the offer has more
MOST_ORDERS: Final = 100


def fresh_salt() -> Digest:
    """Return what makes two otherwise equal orders different."""
    return to_digest(os.urandom(32))


async def sign_and_publish(
    conn: Connection,
    order: AnyOrder,
    keep: Callable[[AnyOrder], None] = lambda signed: None,
    *,
    presign: bool = False,
) -> AnyOrder:
    """Sign an order, let ``keep`` store it, and offer it on the market; return it signed.

    ``presign`` signs by a transaction, and ``sign`` is empty: then the chain, not a signature, says whose order it is.
    """
    signed = msgspec.structs.replace(order, sign=b"") if presign else sign_order(order, conn.order_domain, conn.key)
    keep(signed)
    if presign:
        await conn.hub.presign(conn.wallet, signed)
    await conn.market.publish(KINDS[type(signed)], to_document(signed), conn.key)
    return signed


async def offer_in_parts(
    conn: Connection,
    order: AnyOrder,
    *,
    orders: int | None = None,
    keep: Callable[[AnyOrder], None] = lambda signed: None,
    presign: bool = False,
) -> tuple[AnyOrder, ...]:
    """Offer an order's volume in several equal orders; return them signed.

    PoCo never gives back the volume that a deal took, not even of one that was refunded: one deal takes a part of the
    offer, not all of it. ``orders`` is at most how many, 10 by default; but one order where each signature is a
    transaction or a person's click. Raises InputRefused for a number out of 1 to 100.
    """
    usual = 1 if presign or isinstance(conn.key, ExternalKey) or is_bulk(order) else ORDERS
    volumes = volumes_of(order.volume, usual if orders is None else orders, at_least=1 if orders else LEAST_VOLUME)
    parts = [msgspec.structs.replace(order, volume=volume, salt=fresh_salt()) for volume in volumes]
    publishing = (sign_and_publish(conn, part, keep, presign=presign) for part in parts)
    # All of them end before an error is raised: none is still on its way when the connection closes.
    results = await asyncio.gather(*publishing, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(result for result in results if not isinstance(result, BaseException))


def volumes_of(uses: int, orders: int, *, at_least: int = 1) -> list[int]:
    """Split uses over at most so many orders of nearly equal volume, none below ``at_least`` unless it is the only."""
    if not 1 <= orders <= MOST_ORDERS:
        raise InputRefused(f"an offer is signed as 1 to {MOST_ORDERS} orders, not {orders}.")
    count = max(1, min(orders, uses // at_least))
    return [uses // count + (place < uses % count) for place in range(count)]


def on_terms_of(order: AnyOrder, **changes: object) -> AnyOrder:
    """Return an unsigned order like another one but for ``changes``."""
    return msgspec.structs.replace(order, salt=fresh_salt(), sign=b"", **changes)


def pools_for(conn: Connection, *, any_pool: bool) -> Address:
    """Return which pools an offer is for: the group that the network's pools join, or any."""
    return ZERO_ADDRESS if any_pool else conn.network.pool_group


def count_offers(orders: Iterable[AppOrder | DatasetOrder]) -> int:
    """Return how many offers orders are: those on equal terms are one."""
    return len({terms_of(order) for order in orders})


def cheapest_of(offered: Sequence[OpenOrder], kind: type[AnyOrder], what: str, *, uses: int) -> AnyOrder:
    """Return the first of offers that come cheapest first and has enough uses left; raise OrderRefused for none."""
    found = [each for each in offered if each.left >= uses]
    if offered and not found:
        most = max(each.left for each in offered)
        raise OrderRefused(f"no offer of {what} has {uses} uses left; the largest has {most}.")
    if not found:
        raise OrderRefused(
            f"nobody offers {what} right now: it may be sold out, cancelled, or for others only; ask its owner."
        )
    return from_document(kind, found[0].order)
