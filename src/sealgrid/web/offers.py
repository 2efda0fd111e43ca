"""What the market offers, as pages show it: the cheapest few, whatever else there is."""

from collections.abc import Sequence
from dataclasses import dataclass

from sealgrid.sdk.connection import Connection
from sealgrid.sdk.face.listings import Kind, terms_of
from sealgrid.units import Address
from sealgrid.wire.market import Kind as Shelf
from sealgrid.wire.market import OpenOrder

MOST = 50  #: offers on one page
LEAST_PAGE = 10  #: the market tells no fewer at once
_SHELF: dict[Kind, Shelf] = {"App": "apporders", "Dataset": "datasetorders"}


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """One open order, without what the index knows better; addresses are zero for any."""

    asset: Address
    owner: Address
    price: int  #: nRLC for each use
    uses: int  #: that are left
    app: Address
    buyer: Address  #: the only account, or the AccessPolicy that says who may
    presigned: bool  #: signed by a transaction


async def offers_of(conn: Connection, kind: Kind, asset: Address, most: int = MOST) -> list[OpenOffer]:
    """Return the cheapest offers of an asset, whomever they are for."""
    return await _offers(conn, kind, most, {kind.lower(): asset})


async def models_for(conn: Connection, app: Address) -> list[OpenOffer]:
    """Return the cheapest offer of each model that is offered to an app, or to any that its owner allows."""
    found: dict[Address, OpenOffer] = {}
    for offer in await _offers(conn, "Dataset", MOST, {"app": app}):
        found.setdefault(offer.asset, offer)
    return list(found.values())


async def offers_by(conn: Connection, kind: Kind, owner: Address) -> list[OpenOffer]:
    """Return the cheapest offers that an account signed."""
    return await _offers(conn, kind, MOST, {f"{kind.lower()}Owner": owner})


async def _offers(conn: Connection, kind: Kind, most: int, chosen: dict[str, str]) -> list[OpenOffer]:
    anybody = {"workerpool": "any", "requester": "any", ("dataset" if kind == "App" else "app"): "any"}
    named = {} if f"{kind.lower()}Owner" in chosen else {kind.lower(): "any"}
    found = await conn.market.orders(_SHELF[kind], pageSize=str(max(most, LEAST_PAGE)), **anybody | named | chosen)
    return _read(kind, found)


def _read(kind: Kind, found: Sequence[OpenOrder]) -> list[OpenOffer]:
    offers = []
    for order in found:
        asset, price, app, buyer = terms_of(kind, order)
        offers.append(OpenOffer(asset, order.owner, price, order.left, app, buyer, order.presigned))
    return sorted(offers, key=lambda offer: offer.price)
