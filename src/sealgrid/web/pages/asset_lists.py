"""The lists of apps and of models: search, filters, order, and one card for each."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from sealgrid.sdk.amounts import amount
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.web.forms import path_address
from sealgrid.web.index.reader import CARDS_PER_PAGE, AssetFilter, Order, Party
from sealgrid.web.offers import OpenOffer, offers_of
from sealgrid.web.site import Site, WebRequest, page_number, query_text

ORDERS: Final[Mapping[Order, str]] = {
    "used": "most used first",
    "newest": "newest first",
    "cheapest": "cheapest first",
    "name": "by name",
}
_FIELDS: Final = ("q", "format", "app", "max_price", "mine", "sort")


def asset_filter(site: Site, request: WebRequest) -> AssetFilter:
    """Return the conditions in a list's query; raise InputRefused for a malformed price, NotFound for an app."""
    order, app, price = (query_text(request, name) for name in ("sort", "app", "max_price"))
    return AssetFilter(
        search=query_text(request, "q"),
        format=query_text(request, "format"),
        app=path_address(app) if app else "",
        max_price=amount(price) if price else None,
        owner=(site.visitor_address(request) or "") if query_text(request, "mine") else "",
        order=next((each for each in ORDERS if each == order), "used"),
    )


async def list_context(site: Site, request: WebRequest, kind: AssetKind) -> dict[str, Any]:
    """Return what the lists' templates show."""
    chosen, page = asset_filter(site, request), page_number(request)
    rows = site.index.cards(kind, chosen, page=page)
    shown = rows[:CARDS_PER_PAGE]
    offers = await asyncio.gather(*(_cheapest(site, kind, row) for row in shown))
    party: Party = "app" if kind == "App" else "dataset"
    cards = [
        {"asset": row, "offer": offer, "record": site.index.record(party, row)}
        for row, offer in zip(shown, offers, strict=True)
    ]
    fields = {name: query_text(request, name) for name in _FIELDS if query_text(request, name)}
    return {
        "cards": cards,
        "names": site.index.names({offer.app for offer in offers if offer}),
        "chosen": chosen,
        "price_text": fields.get("max_price", ""),
        "is_filtered": bool(fields.keys() - {"sort"}),
        "query": "".join(f"&{pair}" for pair in [urlencode(fields)] if pair),
        "formats": site.index.formats(kind),
        "orders": ORDERS,
        "page": page,
        "has_next_page": len(rows) > CARDS_PER_PAGE,
    }


async def _cheapest(site: Site, kind: AssetKind, row: Any) -> OpenOffer | None:
    offers = await offers_of(site.conn, kind, row.address, 1)
    return offers[0] if offers else None
