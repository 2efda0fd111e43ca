"""Shards that are bought again, and what a bag cost."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import OrderRefused
from sealgrid.sdk.operations import bag_purchase, buy_bag
from sealgrid.sdk.operations.bag_purchase import BagBuyer, BagContent, BagStores
from sealgrid.sdk.resources import bags
from sealgrid.sdk.resources.bags import AsyncBag
from sealgrid.sdk.run_request import RunRequest
from sealgrid.sdk.stores.bag_store import BagPurchase, BagRecord, BagStore
from sealgrid.sdk.stores.job_store import JobStore
from sealgrid.units import Address

APP = Address("0x" + "aa" * 20)
PURCHASE = BagPurchase(shards=(0, 1), request={}, deals=(), result_key="00")
RECORD = BagRecord(
    id="ab" * 8,
    genesis="0x" + "01" * 32,
    hub=APP,
    account=APP,
    created=0,
    content="",
    names=("input 0", "input 1"),
    purchases=(PURCHASE,),
)


def task(name, price=5):
    return SimpleNamespace(task=name, terms=SimpleNamespace(price=price))


@pytest.fixture
def stores(tmp_path):
    return BagStores(BagStore(tmp_path / "bags"), JobStore(tmp_path / "jobs"))


async def test_only_shards_without_a_task_are_bought_again_on_request(stores, monkeypatch):
    bought = []

    class Buyer:
        def __init__(self, conn, stores):
            pass

        async def buy(self, record, request, shards, inputs, on_progress):
            bought.append((shards, inputs, request.max_price))
            return record, [task("first"), task("second")]

    monkeypatch.setattr(bags, "BagBuyer", Buyer)
    content = BagContent(RunRequest(APP), ("a", "b"), RECORD.names)
    bag = AsyncBag(None, stores, RECORD, [task("first"), None], content=content)
    assert await bag.retry(only_unsold=True, max_price="0.000000007") == 1
    assert bought == [([1], ["b"], 7)]
    assert await bag.retry(only_unsold=True) == 0


async def test_a_bag_cost_what_all_its_tasks_cost_without_refunded_ones(stores, monkeypatch):
    tasks = {"paid": TaskStatus.COMPLETED, "refunded": TaskStatus.FAILED, "open": TaskStatus.UNSET}

    async def bought_tasks(conn, purchase):
        return [task(each) for each in tasks]

    async def view_task(name):
        return SimpleNamespace(status=tasks[name])

    monkeypatch.setattr(buy_bag, "bought_tasks", bought_tasks)
    record = BagRecord(
        **{name: getattr(RECORD, name) for name in RECORD.__struct_fields__} | {"purchases": (PURCHASE,) * 2}
    )
    bag = AsyncBag(SimpleNamespace(hub=SimpleNamespace(view_task=view_task)), stores, record, [task("open"), None])
    assert (await bag.spent(), bag.price) == (20, 5)


async def test_a_retry_that_nobody_sells_leaves_the_earlier_purchase(stores, monkeypatch):
    async def nobody_sells(conn, purchase, store, on_progress):
        raise OrderRefused("nobody sells it.")

    monkeypatch.setattr(bag_purchase.buy_bag, "make_deals", nobody_sells)
    retried = BagRecord(
        **{name: getattr(RECORD, name) for name in RECORD.__struct_fields__} | {"purchases": (PURCHASE,) * 2}
    )
    stores.bags.store(retried, new=True)
    with pytest.raises(OrderRefused):
        await BagBuyer(None, stores).complete(retried, lambda step: None)
    assert stores.bags.read(RECORD.id) == RECORD
    with pytest.raises(OrderRefused):
        await BagBuyer(None, stores).complete(RECORD, lambda step: None)
    assert stores.bags.find(RECORD.id) is None
