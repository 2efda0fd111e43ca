"""Choose the offers that a run is bought on, and sign the request that fits them."""

from dataclasses import dataclass

from sealgrid.errors import OrderRefused
from sealgrid.poco.orders import (
    NO_DATASET_ORDER,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
)
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.granting import admits
from sealgrid.sdk.orders import cheapest, cheapest_of, fresh_salt
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.wire.market import OpenOrder


@dataclass(frozen=True, slots=True)
class Terms:
    """The four signed orders of a deal."""

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    @property
    def price(self) -> int:
        """Return what one task costs in nRLC: app, model and computing together."""
        return self.app.appprice + self.dataset.datasetprice + self.workerpool.workerpoolprice


Offers = tuple[AppOrder, DatasetOrder, WorkerpoolOrder]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the request asks for beside its parties."""

    params: str
    callback: Address
    tasks: int
    max_price: int | None  #: nRLC for all tasks together


async def offers_for(conn: Connection, app: Address, model: Address, tasks: int, pool: WorkerpoolOrder) -> Offers:
    """Return the cheapest offers of an app, of a model unless it is zero, and the pool's; OrderRefused for none."""
    app_order = await cheapest(conn, AppOrder, f"the app {app}", uses=tasks, app=app)
    dataset = NO_DATASET_ORDER
    if model != ZERO_ADDRESS:
        what = f"the model {model} for this app"
        dataset = cheapest_of(await _granted(conn, model, app), DatasetOrder, what, uses=tasks)
    return app_order, dataset, pool


async def _granted(conn: Connection, model: Address, app: Address) -> list[OpenOrder]:
    offered = await conn.market.orders("datasetorders", dataset=model, app=app, requester="any")
    return [order for order in offered if await admits(conn, from_document(DatasetOrder, order.order))]


async def computing(conn: Connection, tasks: int, category: int | None) -> WorkerpoolOrder:
    """Return the cheapest offer of computing in a category, the network's short one by default."""
    wanted = conn.network.short_category if category is None else category
    return await cheapest(conn, WorkerpoolOrder, "computing in this category", uses=tasks, category=str(wanted))


def terms_of(conn: Connection, offers: Offers, wanted: Wanted) -> Terms:
    """Return the offers with a request that fits them, signed; raise OrderRefused above the price that is allowed."""
    app, dataset, pool = offers
    price = wanted.tasks * (app.appprice + dataset.datasetprice + pool.workerpoolprice)
    if wanted.max_price is not None and price > wanted.max_price:
        raise OrderRefused(f"this run costs {price} nRLC, more than the {wanted.max_price} that you allow.")
    request = RequestOrder(
        app=app.app,
        appmaxprice=app.appprice,
        dataset=dataset.dataset,
        datasetmaxprice=dataset.datasetprice,
        workerpool=pool.workerpool,
        workerpoolmaxprice=pool.workerpoolprice,
        requester=conn.address,
        beneficiary=conn.address,
        callback=wanted.callback,
        volume=wanted.tasks,
        tag=TEE_TAG,
        category=pool.category,
        params=wanted.params,
        salt=fresh_salt(),
    )
    return Terms(app, dataset, pool, sign_order(request, conn.order_domain, conn.key))
