"""The price of a run in parts, and an escrow that does not cover it."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import InputRefused
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, DatasetOrder, WorkerpoolOrder
from sealgrid.sdk.operations.price import check_escrow, price_of
from sealgrid.units import to_address

APP, MODEL, POOL, ME, SPONSOR = (to_address(bytes([n]) * 20) for n in range(1, 6))
RLC = 10**9
OFFERS = (
    AppOrder(app=APP),
    DatasetOrder(dataset=MODEL, datasetprice=3 * RLC),
    WorkerpoolOrder(workerpool=POOL, workerpoolprice=RLC // 2),
)


def connection(free):
    async def account(address):
        return SimpleNamespace(stake=free if address in {ME, SPONSOR} else 0)

    return SimpleNamespace(address=ME, hub=SimpleNamespace(account=account))


@pytest.mark.parametrize(
    ("offers", "tasks", "text"),
    [
        (OFFERS, 1, "3.5 RLC (app free, model 3 RLC, computing 0.5 RLC)"),
        (OFFERS, 2, "7 RLC (app free, model 3 RLC, computing 0.5 RLC, times 2 tasks)"),
        ((OFFERS[0], NO_DATASET_ORDER, OFFERS[2]), 1, "0.5 RLC (app free, computing 0.5 RLC)"),
    ],
)
def test_a_price_has_its_total_and_its_parts(offers, tasks, text):
    assert str(price_of(offers, tasks)) == text


async def test_an_escrow_that_covers_the_price_is_enough():
    await check_escrow(connection(7 * RLC), price_of(OFFERS, 2), ME)


@pytest.mark.parametrize(("payer", "whose"), [(ME, "the escrow:"), (SPONSOR, f"the escrow of the sponsor {SPONSOR}:")])
async def test_what_is_missing_in_escrow_is_named_with_the_command(payer, whose):
    with pytest.raises(InputRefused) as refused:
        await check_escrow(connection(RLC), price_of(OFFERS, 1), payer)
    assert str(refused.value) == (
        "this run costs 3.5 RLC (app free, model 3 RLC, computing 0.5 RLC), and 1 RLC are free in "
        f'{whose} 2.5 RLC are missing; deposit them first (sealgrid account deposit "2.5 RLC").'
    )
