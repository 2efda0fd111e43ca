"""Deals that a market lists, as the chain has them."""

from sealgrid.chain.views import DealView
from sealgrid.errors import NotFound
from sealgrid.sdk.connection import Connection
from sealgrid.units import DealId, to_digest


async def view_listed_deal(conn: Connection, deal: str) -> DealView | None:
    """Return a deal from the chain; None for an id that the market invented or that is malformed."""
    try:
        return await conn.hub.view_deal(DealId(to_digest(deal)))
    except (NotFound, ValueError):
        return None
