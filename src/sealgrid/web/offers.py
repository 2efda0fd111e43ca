"""Open offers as pages show them: the cheapest few of an asset, an app or an owner, in one market request.

``sdk.resources.offers.Offer`` has names and digests from the chain and also works with iExec's market, which cannot
group orders. Pages have names in their index, and show whether a buyer is a group.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sealgrid.poco.orders import AppOrder, DatasetOrder, from_document
from sealgrid.poco.tags import TEE_BIT, is_tee
from sealgrid.sdk.asset_facts import AssetKind as Kind
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address

MAX_OFFERS: Final = 50  #: on one page
_MIN_PAGE: Final = 10  #: the market's smallest page
_ORDERS: Final[dict[Kind, type[AppOrder | DatasetOrder]]] = {"App": AppOrder, "Dataset": DatasetOrder}


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """Uses for sale on equal terms, of one order or several. A zero address in a restriction means anyone."""

    asset: Address
    owner: Address
    price: int  #: nRLC per use
    uses: int  #: left
    app: Address  #: the only app that may use a model
    buyer: Address  #: the only account, or a group (ERC-734)
    is_group: bool  #: ``buyer`` is a group
    pool: Address  #: the only pool, or a group of pools other than this network's own
    presigned: bool  #: signed by a transaction
    tee: bool = True  #: of an app: whether its runs are in an enclave; else their input and result are public


async def offers_of(conn: Connection, kind: Kind, asset: Address, limit: int = MAX_OFFERS) -> list[OpenOffer]:
    """Return the cheapest offers of an asset, restricted ones included; of an app, those of runs in enclaves first."""
    filters: dict[str, str] = {kind.lower(): asset}
    if kind == "App" and limit == 1:
        filters["minTag"] = TEE_BIT
    return sorted(await _read_offers(conn, kind, limit, filters), key=lambda offer: not offer.tee)


async def models_for(conn: Connection, app: Address) -> list[OpenOffer]:
    """Return the cheapest offer of each model that is offered to an app or to any app."""
    cheapest: dict[Address, OpenOffer] = {}
    for offer in await _read_offers(conn, "Dataset", MAX_OFFERS, {"app": app}):
        cheapest.setdefault(offer.asset, offer)
    return list(cheapest.values())


async def offers_by(conn: Connection, kind: Kind, owner: Address) -> list[OpenOffer]:
    """Return the cheapest offers that an account signed."""
    return await _read_offers(conn, kind, MAX_OFFERS, {f"{kind.lower()}Owner": owner})


async def find_groups(conn: Connection, buyers: Collection[Address]) -> set[Address]:
    """Return the contracts among accounts: PoCo reads a contract in an order's restriction as a group."""
    addresses = sorted(set(buyers) - {ZERO_ADDRESS})
    codes = await asyncio.gather(*(conn.node.code(address) for address in addresses))
    return {address for address, code in zip(addresses, codes, strict=True) if code}


async def _read_offers(conn: Connection, kind: Kind, limit: int, filters: dict[str, str]) -> list[OpenOffer]:
    unrestricted = {"workerpool": "any", "requester": "any", ("dataset" if kind == "App" else "app"): "any"}
    if f"{kind.lower()}Owner" not in filters:
        unrestricted[kind.lower()] = "any"
    query = unrestricted | {"grouped": "true", "pageSize": str(max(limit, _MIN_PAGE))} | filters
    found = await conn.market.orders(_ORDERS[kind].kind, **query)
    orders = [
        from_document(AppOrder, each.order) if kind == "App" else from_document(DatasetOrder, each.order)
        for each in found
    ]
    cheapest = sorted(zip(orders, found, strict=True), key=lambda pair: pair[0].price)[:limit]
    groups = await find_groups(conn, [order.requesterrestrict for order, _ in cheapest])
    own_pools = conn.network.pool_group
    return [
        OpenOffer(
            asset=order.asset,
            owner=each.owner,
            price=order.price,
            uses=each.left_of_offer,
            app=order.apprestrict if isinstance(order, DatasetOrder) else ZERO_ADDRESS,
            buyer=order.requesterrestrict,
            is_group=order.requesterrestrict in groups,
            pool=ZERO_ADDRESS if order.workerpoolrestrict == own_pools else order.workerpoolrestrict,
            presigned=each.presigned,
            tee=isinstance(order, DatasetOrder) or is_tee(order.tag),
        )
        for order, each in cheapest
    ]
