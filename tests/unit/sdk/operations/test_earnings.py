"""Payments to an account: each with its deal as the chain has it."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.events import Reward
from sealgrid.sdk.operations import earnings
from sealgrid.sdk.operations.earnings import payments_of
from sealgrid.units import ZERO_ADDRESS, DealId, TaskId, to_address, to_digest

APP, MODEL, BUYER, PAYEE = (to_address(bytes([number]) * 20) for number in range(1, 5))
TASKS = [TaskId(to_digest(bytes([number]) * 32)) for number in (1, 2)]
PLACE = {"block_hash": TASKS[0], "transaction": TASKS[0], "log_index": 0, "account": PAYEE}
REWARDS = [Reward(block_number=7 + n, amount=100 + n, task=task, **PLACE) for n, task in enumerate(TASKS)]


class Chain:
    """Two deals of one task each: the first has a model."""

    async def view_task(self, task):
        return SimpleNamespace(deal=DealId(task))

    async def view_deal(self, deal):
        model = MODEL if deal == TASKS[0] else ZERO_ADDRESS
        app, dataset = SimpleNamespace(pointer=APP), SimpleNamespace(pointer=model)
        return SimpleNamespace(app=app, dataset=dataset, requester=BUYER, start_time=1000)

    async def read(self, kind, asset):
        assert asset != ZERO_ADDRESS
        return SimpleNamespace(name=f"{kind} of {asset[:4]}")


CONN = SimpleNamespace(hub=Chain(), asset_facts=Chain())


async def test_a_payment_has_its_deal_and_names():
    first, second = await payments_of(CONN, REWARDS)
    assert (first.task, first.amount, first.block, first.time, first.requester) == (TASKS[0], 100, 7, 1000, BUYER)
    assert (first.app_name, first.model, first.model_name) == ("App of 0x01", MODEL, "Dataset of 0x02")
    assert (second.task, second.model, second.model_name) == (TASKS[1], None, "")


@pytest.mark.parametrize(("states", "state"), [(True, "answered"), (False, "unknown")])
async def test_how_a_task_ended_is_read_only_where_it_is_asked_for(monkeypatch, states, state):
    async def paid_state(conn, task):
        assert states
        return "answered"

    monkeypatch.setattr(earnings, "paid_state", paid_state)
    assert {each.state for each in await payments_of(CONN, REWARDS, states=states)} == {state}
