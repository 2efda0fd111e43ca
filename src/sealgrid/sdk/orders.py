"""Sign, publish and choose the orders that make a deal."""

import os
from collections.abc import Callable, Sequence

import msgspec

from sealgrid.errors import OrderRefused
from sealgrid.poco.orders import (
    AnyOrder,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
    to_document,
)
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import Connection
from sealgrid.units import Digest, to_digest
from sealgrid.wire.market import Kind, OpenOrder

KINDS: dict[type[AppOrder | DatasetOrder | WorkerpoolOrder | RequestOrder], Kind] = {
    AppOrder: "apporders", DatasetOrder: "datasetorders", WorkerpoolOrder: "workerpoolorders",
    RequestOrder: "requestorders",
}  # fmt: skip


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
