"""Sign orders, publish them on the market, and choose the cheapest."""

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
    from_document,
    is_bulk,
    terms_of,
    to_document,
)
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_digest
from sealgrid.wire.market import OpenOrder

DEFAULT_ORDERS: Final = 10  #: equal orders that an offer is signed as
MIN_VOLUME: Final = 10  #: uses of each order, if the offer has more
MAX_ORDERS: Final = 100


def fresh_salt() -> Digest:
    """Return a random salt, which distinguishes otherwise equal orders."""
    return to_digest(os.urandom(32))


async def sign_and_publish(
    conn: Connection,
    order: AnyOrder,
    store: Callable[[AnyOrder], None] = lambda signed: None,
    *,
    presign: bool = False,
) -> AnyOrder:
    """Sign an order, call ``store`` with it, publish it on the market, and return it.

    ``presign`` signs by a transaction: ``sign`` stays empty, and the chain records whose order it is.
    """
    signed = msgspec.structs.replace(order, sign=b"") if presign else sign_order(order, conn.order_domain, conn.key)
    store(signed)
    if presign:
        await conn.hub.presign(conn.wallet, signed)
    await conn.market.publish(signed.kind, to_document(signed), conn.key)
    return signed


async def offer_in_parts(
    conn: Connection,
    order: AnyOrder,
    *,
    orders: int | None = None,
    store: Callable[[AnyOrder], None] = lambda signed: None,
    presign: bool = False,
) -> tuple[AnyOrder, ...]:
    """Offer an order's volume as several equal orders; return them signed.

    PoCo does not return the volume that a deal consumed, not even after a refund; several orders bound the volume that
    one deal can consume. ``orders`` is the maximum number, by default 10, or 1 where each signature is a transaction
    or a click. Raises InputRefused for a number outside 1 to 100.
    """
    default = 1 if presign or isinstance(conn.key, ExternalKey) or is_bulk(order) else DEFAULT_ORDERS
    volumes = volumes_of(order.volume, default if orders is None else orders, at_least=1 if orders else MIN_VOLUME)
    parts = [msgspec.structs.replace(order, volume=volume, salt=fresh_salt()) for volume in volumes]
    publishing = (sign_and_publish(conn, part, store, presign=presign) for part in parts)
    # All requests end before an error is raised, so none is pending when the connection closes.
    results = await asyncio.gather(*publishing, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(result for result in results if not isinstance(result, BaseException))


def volumes_of(uses: int, orders: int, *, at_least: int = 1) -> list[int]:
    """Split uses over at most ``orders`` nearly equal volumes of ``at_least`` or more, or one smaller volume."""
    if not 1 <= orders <= MAX_ORDERS:
        raise InputRefused(f"an offer is signed as 1 to {MAX_ORDERS} orders, not {orders}.")
    count = max(1, min(orders, uses // at_least))
    return [uses // count + (index < uses % count) for index in range(count)]


def on_terms_of(order: AnyOrder, **changes: object) -> AnyOrder:
    """Return an unsigned copy of an order with a new salt and ``changes``."""
    return msgspec.structs.replace(order, salt=fresh_salt(), sign=b"", **changes)


def pools_for(conn: Connection, *, any_pool: bool) -> Address:
    """Return the pool restriction of an offer: the group of the network's pools, or zero for any pool."""
    return ZERO_ADDRESS if any_pool else conn.network.pool_group


def count_offers(orders: Iterable[AppOrder | DatasetOrder]) -> int:
    """Return the number of offers; orders on equal terms count as one."""
    return len({terms_of(order) for order in orders})


def cheapest_of(offered: Sequence[OpenOrder], kind: type[AnyOrder], what: str, *, uses: int) -> AnyOrder:
    """Return the first order with enough uses left of a list by price; raise OrderRefused when there is none."""
    enough = [each for each in offered if each.left >= uses]
    if offered and not enough:
        most = max(each.left for each in offered)
        raise OrderRefused(f"no offer of {what} has {uses} uses left; the largest has {most}.")
    if not enough:
        raise OrderRefused(
            f"nobody offers {what} right now: it may be sold out, cancelled, or restricted to others; ask its owner."
        )
    return from_document(kind, enough[0].order)
