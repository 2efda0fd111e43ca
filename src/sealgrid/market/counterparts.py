"""Whether a request could be matched: does the book offer its app, and its dataset, to it?"""

from typing import Final, Literal

from sealgrid.errors import OrderRefused
from sealgrid.market.chainside import ChainSide
from sealgrid.market.kinds import price_of
from sealgrid.market.shelf import Filter, OneOf, Where
from sealgrid.poco.orders import Order, RequestOrder
from sealgrid.poco.tags import bits, is_tee
from sealgrid.units import ZERO_ADDRESS, Address, Digest

_LOOKED_AT: Final = 100  #: offers of one asset, the cheapest first


async def demand_counterparts(request: RequestOrder, chain: ChainSide) -> None:
    """Raise OrderRefused unless an app order, and where needed a dataset order, fits a request at its price."""
    await _demand("app", request, chain)
    if request.dataset != ZERO_ADDRESS:
        await _demand("dataset", request, chain)


async def _demand(what: Literal["app", "dataset"], request: RequestOrder, chain: ChainSide) -> None:
    address, most = getattr(request, what), int(getattr(request, f"{what}maxprice"))
    filters: list[Filter] = [OneOf(what, (address,))]
    if what == "app" and is_tee(request.tag):
        filters.append(Where("tag", lambda tag: bool(bits(Digest(str(tag))) & 1)))
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


async def _admits(offer: Order, request: RequestOrder, chain: ChainSide) -> bool:
    wanted = {
        "apprestrict": request.app,
        "datasetrestrict": request.dataset,
        "requesterrestrict": request.requester,
        "workerpoolrestrict": request.workerpool,
    }
    for name, account in wanted.items():
        restriction = Address(getattr(offer, name, ZERO_ADDRESS))
        open_pool = name == "workerpoolrestrict" and account == ZERO_ADDRESS  # any pool will do
        if restriction in (ZERO_ADDRESS, account) or open_pool:
            continue
        if not await chain.is_member(restriction, account):
            return False
    return True
