"""The category of a purchase is the shortest on offer in which its tasks end in time."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from sealgrid.chain.views import CategoryView
from sealgrid.errors import OrderRefused
from sealgrid.poco.constants import LOCAL_CATEGORIES
from sealgrid.sdk.operations import categories
from sealgrid.sdk.operations.categories import with_time, with_time_for_all
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address

XS, S, XL, SHORT = 0, 1, 4, 5
REQUEST = RunRequest(Address("0x" + "aa" * 20))


class Hub:
    async def view_category(self, number):
        return CategoryView(LOCAL_CATEGORIES[number].name, "", LOCAL_CATEGORIES[number].timeref)

    async def count_categories(self):
        return len(LOCAL_CATEGORIES)


class Pool:
    async def view(self):
        return SimpleNamespace(workers=2)


CONN = SimpleNamespace(hub=Hub(), pool=Pool(), network=SimpleNamespace(short_category=SHORT))


@pytest.fixture
def offered(monkeypatch):
    """Categories that a pool sells."""
    sold = {XS, S, XL}

    async def choose(conn, request, on_progress=None):
        if request.category not in sold:
            raise OrderRefused("not offered")

    monkeypatch.setattr(categories, "choose_offers", choose)
    return sold


@pytest.mark.parametrize(("seconds", "category"), [(210, None), (211, XS), (2100, XS), (2101, S), (8401, XL)])
async def test_the_shortest_category_that_is_long_enough_and_sold_is_taken(offered, seconds, category):
    assert (await with_time(CONN, REQUEST, seconds)).category == category


async def test_a_time_that_nobody_sells_is_refused_before_the_purchase(offered):
    offered.clear()
    with pytest.raises(OrderRefused, match="no pool sells a category that is long enough"):
        await with_time(CONN, REQUEST, 211)
    with pytest.raises(OrderRefused, match="the longest category of this network ends after 252000 s"):
        await with_time(CONN, REQUEST, 252_001)


@pytest.mark.parametrize(
    ("tasks", "expected", "category"), [(9, None, None), (2, 100, None), (4, 100, None), (5, 100, XS)]
)
async def test_a_bag_gets_a_category_in_which_the_pools_workers_compute_it(offered, tasks, expected, category):
    steps = []
    request = await with_time_for_all(CONN, replace(REQUEST, tasks=tasks), expected, None, steps.append)
    assert (request.category, len(steps)) == (category, int(category is not None))


async def test_a_bag_stays_in_the_short_category_if_no_longer_one_is_sold_and_one_task_fits(offered):
    offered.clear()
    five = replace(REQUEST, tasks=5)
    assert await with_time_for_all(CONN, five, 100, None, print) == five
    with pytest.raises(OrderRefused, match="may take 530 s"):
        await with_time_for_all(CONN, five, 212, None, print)


async def test_a_time_that_the_buyer_names_counts(offered):
    assert (await with_time_for_all(CONN, REQUEST, 1, 2101, print)).category == S
