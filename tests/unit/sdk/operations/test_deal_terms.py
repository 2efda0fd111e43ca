"""The offers of a run, when the market returns others than requested."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import OrderRefused, ServiceUnavailable
from sealgrid.poco.orders import AppOrder, DatasetOrder, WorkerpoolOrder, to_document
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.sdk.network import PinnedPool
from sealgrid.sdk.operations import deal_terms
from sealgrid.sdk.operations.deal_terms import choose_offers, pair_offers
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from sealgrid.wire.market import MarketClient

APP, MODEL, POOL, OTHER = (to_address(bytes([n]) * 20) for n in range(1, 5))
ME = SigningKey.from_bytes(b"\x11" * 32)
HONEST = {
    "apporders": AppOrder(tag=TEE_TAG, app=APP, appprice=5, volume=9),
    "datasetorders": DatasetOrder(dataset=MODEL, datasetprice=5, volume=9),
    "workerpoolorders": WorkerpoolOrder(tag=TEE_TAG, workerpool=POOL, workerpoolprice=5, volume=9, category=2),
}
FILTERS = {"apporders": "app", "datasetorders": "dataset", "workerpoolorders": "category"}


class ListedOrders:
    """A market that returns its listed orders, whatever the filters are."""

    def __init__(self, **offers) -> None:
        self.offers, self.requested = offers, {}

    async def request(self, method, path, body=b"", headers=None):
        kind = urlsplit(path).path.strip("/")
        if kind not in FILTERS:
            raise ServiceUnavailable("this market knows no deals.")
        self.requested[kind] = parse_qs(urlsplit(path).query)[FILTERS[kind]]
        listed = [self._listed(number, order) for number, order in enumerate(self.offers.get(kind, ()))]
        return msgspec.json.encode({"ok": True, "orders": listed, "count": len(listed)})

    def _listed(self, number, order):
        return {
            "orderHash": to_digest(bytes([number + 1]) * 32),
            "chainId": 31337,
            "order": to_document(order),
            "remaining": order.volume,
            "status": "open",
            "publicationTimestamp": "",
            "signer": OTHER,
        }


class NoGroups:
    """A hub on whose chain no address is a group."""

    async def is_member(self, *_):
        return False


class Owners:
    """The owners of assets: one account."""

    def __init__(self, hub) -> None:
        """Take a hub, as ``Assets`` does."""

    async def owner(self, asset):
        return OTHER


class Codes:
    """A node on whose chain every account has this code."""

    def __init__(self, code: bytes) -> None:
        self._code = code

    async def code(self, account):
        return self._code


@pytest.fixture(autouse=True)
def owners(monkeypatch):
    monkeypatch.setattr(deal_terms, "Assets", Owners)


async def bought_at(
    *, pool=None, max_price=None, on_progress=lambda step: None, model=MODEL, tee=True, code=b"", **offers
):
    transport = ListedOrders(**({kind: [order] for kind, order in HONEST.items()} | offers))
    conn = SimpleNamespace(
        market=MarketClient(transport, 31337),
        hub=NoGroups(),
        node=Codes(code),
        address=ME.address,
        network=SimpleNamespace(short_category=2, pools=(PinnedPool(POOL, "local"),)),
    )
    found = await choose_offers(
        conn, RunRequest(APP, model, pool=pool, max_price=max_price, tee=tee, trust=1 if tee else 5), on_progress
    )
    return found, transport.requested


async def test_a_run_is_bought_on_the_offers_of_the_requested_app_and_model():
    found, requested = await bought_at()
    assert found == tuple(HONEST.values())
    assert requested == {"apporders": [APP], "datasetorders": [MODEL], "workerpoolorders": ["2"]}


@pytest.mark.parametrize(
    ("kind", "field", "another"),
    [
        ("apporders", "app", OTHER),
        ("datasetorders", "dataset", OTHER),
        ("workerpoolorders", "category", 7),
        ("workerpoolorders", "workerpool", OTHER),
    ],
)
async def test_a_market_that_returns_another_asset_than_requested_sells_nothing(kind, field, another):
    swapped = msgspec.structs.replace(HONEST[kind], **{field: another})
    with pytest.raises(OrderRefused, match="nobody offers"):
        await bought_at(**{kind: [swapped]})


async def test_a_cheaper_offer_of_another_app_does_not_replace_the_requested_app():
    cheap = AppOrder(tag=TEE_TAG, app=OTHER, appprice=0, volume=9)
    found, _ = await bought_at(apporders=[cheap, HONEST["apporders"]])
    assert found[0] == HONEST["apporders"]


async def test_a_price_above_the_maximum_is_refused_with_its_parts():
    assert await bought_at(max_price=15)
    with pytest.raises(OrderRefused) as refused:
        await bought_at(max_price=14)
    assert str(refused.value) == (
        "this run costs 0.000000015 RLC (app 0.000000005 RLC, model 0.000000005 RLC, computing 0.000000005 RLC), more "
        "than the 0.000000014 RLC that you allow."
    )


STRANGER = WorkerpoolOrder(tag=TEE_TAG, workerpool=OTHER, workerpoolprice=1, volume=9, category=2)


@pytest.mark.parametrize(
    "restricted",
    [
        {"apporders": [AppOrder(tag=TEE_TAG, app=APP, volume=9, workerpoolrestrict=OTHER)]},
        {"datasetorders": [DatasetOrder(dataset=MODEL, volume=9, workerpoolrestrict=OTHER)]},
    ],
    ids=["app", "model"],
)
async def test_with_any_pool_allowed_one_is_chosen_that_app_and_model_admit(restricted):
    steps = []
    found, _ = await bought_at(
        pool="any", on_progress=steps.append, workerpoolorders=[HONEST["workerpoolorders"], STRANGER], **restricted
    )
    assert found[2] == STRANGER, "the pinned pool comes first, and is not admitted"
    assert "app and model admit none of 1 better pools" in str(steps[-1])


async def test_with_any_pool_allowed_the_best_admitted_one_is_chosen():
    found, _ = await bought_at(pool="any", workerpoolorders=[STRANGER, HONEST["workerpoolorders"]])
    assert found[2] == HONEST["workerpoolorders"]


async def test_where_no_pool_is_admitted_the_sentence_names_what_is_not_offered():
    nowhere = AppOrder(tag=TEE_TAG, app=APP, volume=9, workerpoolrestrict=APP)
    with pytest.raises(OrderRefused, match=f"nobody offers the app {APP}"):
        await bought_at(pool="any", workerpoolorders=[HONEST["workerpoolorders"], STRANGER], apporders=[nowhere])


def of(kind, *sizes):
    return [
        (msgspec.structs.replace(HONEST[kind], salt=to_digest(bytes([n]) * 32)), size) for n, size in enumerate(sizes)
    ]


SIZES = st.lists(st.integers(1, 9), max_size=5)


@given(SIZES, SIZES, SIZES, st.integers(1, 30))
def test_paired_offers_sell_as_many_tasks_as_the_scarcest_kind_has(apps, datasets, pools, tasks):
    sizes = {"apporders": apps, "datasetorders": datasets, "workerpoolorders": pools}
    deals = pair_offers(*(of(kind, *listed) for kind, listed in sizes.items()), tasks)
    assert sum(deal.tasks for deal in deals) == min(tasks, *(sum(listed) for listed in sizes.values()))
    for place, (kind, listed) in enumerate(sizes.items()):
        for order, size in of(kind, *listed):
            assert sum(deal.tasks for deal in deals if deal.offers[place] == order) <= size


def without_tee(*, trust):
    app = msgspec.structs.replace(HONEST["apporders"], tag=NO_TAG)
    pool = msgspec.structs.replace(HONEST["workerpoolorders"], tag=NO_TAG, trust=trust)
    return {"apporders": [HONEST["apporders"], app], "workerpoolorders": [HONEST["workerpoolorders"], pool]}


async def test_a_run_without_a_tee_is_bought_on_orders_without_a_tee():
    (app, _, pool), _ = await bought_at(model=ZERO_ADDRESS, tee=False, **without_tee(trust=5))
    assert (app.tag, pool.tag, pool.trust) == (NO_TAG, NO_TAG, 5)


async def test_a_run_without_a_tee_is_not_bought_at_the_pool_of_a_gate():
    with pytest.raises(OrderRefused, match="a gate owns pool"):
        await bought_at(model=ZERO_ADDRESS, tee=False, code=b"\1", **without_tee(trust=5))
    await bought_at(code=b"\1")


async def test_a_run_in_an_enclave_is_not_bought_on_cheaper_orders_without_one():
    cheap = {
        kind: [*each, msgspec.structs.replace(each[1], salt=to_digest(b"\1" * 32))]
        for kind, each in without_tee(trust=5).items()
    }
    (app, _, pool), _ = await bought_at(**cheap)
    assert (app.tag, pool.tag) == (TEE_TAG, TEE_TAG)


async def test_a_pool_that_promises_less_trust_is_not_bought():
    with pytest.raises(OrderRefused, match="nobody offers computing in this category without a TEE at trust 5"):
        await bought_at(model=ZERO_ADDRESS, tee=False, **without_tee(trust=4))
