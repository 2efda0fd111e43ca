"""What the market offers, as pages show it: the cheapest few, whatever else there is."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sealgrid.poco.orders import AppOrder, DatasetOrder, from_document
from sealgrid.sdk.asset_facts import AssetKind as Kind
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.wire.market import Kind as Shelf
from sealgrid.wire.market import OpenOrder

MOST = 50  #: offers on one page
LEAST_PAGE = 10  #: the market tells no fewer at once
_SHELF: dict[Kind, Shelf] = {"App": "apporders", "Dataset": "datasetorders"}


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """One offer, of one order or several equal ones, without what the index knows better; addresses zero for any."""

    asset: Address
    owner: Address
    price: int  #: nRLC for each use
    uses: int  #: that are left
    app: Address
    buyer: Address  #: the only account, or the group (ERC-734) whose members may
    group: bool  #: the buyer is a group
    pool: Address  #: the only pool, or the group of pools; zero also where it is the group of this network's pools
    presigned: bool  #: its owner signed it by a transaction


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
    anybody["grouped"] = "true"
    found = await conn.market.orders(_SHELF[kind], pageSize=str(max(most, LEAST_PAGE)), **anybody | named | chosen)
    return await _read(conn, kind, found)


async def groups_among(conn: Connection, buyers: Collection[Address]) -> set[Address]:
    """Return which of the accounts that offers name are contracts, which PoCo asks who their members are."""
    named = sorted(set(buyers) - {ZERO_ADDRESS})
    codes = await asyncio.gather(*(conn.node.code(buyer) for buyer in named))
    return {buyer for buyer, code in zip(named, codes, strict=True) if code}


async def _read(conn: Connection, kind: Kind, found: Sequence[OpenOrder]) -> list[OpenOffer]:
    orders = [_order(kind, each) for each in found]
    groups = await groups_among(conn, [order.requesterrestrict for order in orders])
    usual = conn.network.pool_group
    offers = [_offer(order, each, groups, usual) for order, each in zip(orders, found, strict=True)]
    return sorted(offers, key=lambda offer: offer.price)


def _order(kind: Kind, found: OpenOrder) -> AppOrder | DatasetOrder:
    if kind == "App":
        return from_document(AppOrder, found.order)
    return from_document(DatasetOrder, found.order)


def _offer(order: AppOrder | DatasetOrder, found: OpenOrder, groups: Collection[Address], usual: Address) -> OpenOffer:
    if isinstance(order, AppOrder):
        asset, price, app = order.app, order.appprice, ZERO_ADDRESS
    else:
        asset, price, app = order.dataset, order.datasetprice, order.apprestrict
    pool = ZERO_ADDRESS if order.workerpoolrestrict == usual else order.workerpoolrestrict
    return OpenOffer(
        asset=asset,
        owner=found.owner,
        price=price,
        uses=found.left_of_offer,
        app=app,
        buyer=order.requesterrestrict,
        group=order.requesterrestrict in groups,
        pool=pool,
        presigned=found.presigned,
    )
