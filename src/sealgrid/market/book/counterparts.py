"""Whether a request could be matched: does the book offer its app, and its dataset, to it?"""

from typing import Final, Literal

from sealgrid.errors import OrderRefused
from sealgrid.market.book.order_index import Filter, HasBitsFilter, OneOfFilter
from sealgrid.market.book.order_kinds import price_of
from sealgrid.market.chain.follower import MarketChainFollower
from sealgrid.poco.matching import groups_of
from sealgrid.poco.orders import Order, RequestOrder
from sealgrid.poco.tags import TEE, is_tee
from sealgrid.units import ZERO_ADDRESS

_LOOKED_AT: Final = 100  #: offers of one asset, the cheapest first


async def demand_counterparts(request: RequestOrder, chain: MarketChainFollower) -> None:
    """Raise OrderRefused unless an app order, and where needed a dataset order, fits a request at its price."""
    await _demand("app", request, chain)
    if request.dataset != ZERO_ADDRESS:
        await _demand("dataset", request, chain)


async def _demand(what: Literal["app", "dataset"], request: RequestOrder, chain: MarketChainFollower) -> None:
    address, most = getattr(request, what), int(getattr(request, f"{what}maxprice"))
    filters: list[Filter] = [OneOfFilter(what, (address,))]
    if what == "app" and is_tee(request.tag):
        filters.append(HasBitsFilter("tag", TEE))
    kind: Literal["apporders", "datasetorders"] = "apporders" if what == "app" else "datasetorders"
    _, offers = chain.book.find(kind, filters, start=0, size=_LOOKED_AT)
    for offer in offers:
        if await _admits(offer.order, request, chain):
            if (price := price_of(kind, offer.order)) <= most:
                return
            raise OrderRefused(
                f"the cheapest order for the {what} costs {price} nRLC; the request offers {most}.",
                check=f"{what}-price",
            )
    needed = " that runs in an enclave" if len(filters) > 1 else ""
    raise OrderRefused(
        f"nobody offers the {what} {address}{needed} to this request; ask its owner for an order.",
        check=f"no-{what}order",
    )


async def _admits(offer: Order, request: RequestOrder, chain: MarketChainFollower) -> bool:
    # A request may leave the pool open, or name a group of pools.
    one_pool = chain.ledger.owner("Workerpool", request.workerpool) is not None
    asked = groups_of(
        offer,
        app=request.app,
        dataset=request.dataset,
        requester=request.requester,
        workerpool=request.workerpool if one_pool else None,
    )
    for group, account in asked:
        if not await chain.is_member(group, account):
            return False
    return True
