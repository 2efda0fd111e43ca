"""States of tasks: the chain's, and of paid tasks those of verified receipts."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import NotFound
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.run_states import run_state

NOW = 100


def conn(status, deadline=200, contribution=50):
    async def view_task(task):
        return SimpleNamespace(status=status, contribution_deadline=contribution, final_deadline=deadline)

    async def view_deal(deal):
        return SimpleNamespace(start_time=deadline - 100, category=0)

    async def view_category(category):
        return SimpleNamespace(timeref=10)

    hub = SimpleNamespace(view_task=view_task, view_deal=view_deal, view_category=view_category)
    return SimpleNamespace(hub=hub)


@pytest.mark.parametrize(
    ("status", "deadline", "state"),
    [
        (TaskStatus.UNSET, 200, "waiting"),
        (TaskStatus.UNSET, NOW, "refundable"),
        (TaskStatus.ACTIVE, 200, "running"),
        (TaskStatus.REVEALING, 200, "running"),
        (TaskStatus.ACTIVE, NOW, "refundable"),
        (TaskStatus.FAILED, 200, "refunded"),
    ],
)
async def test_a_task_without_a_result_has_the_chains_state(status, deadline, state):
    assert await run_state(conn(status, deadline), "0x01", "0xde", NOW) == state


@pytest.mark.parametrize(
    ("exit_class", "state"),
    [("ok", "answered"), ("app-failed", "app-failed"), ("unopened", "model-unopened"), ("refused", "refused")],
)
async def test_a_paid_task_has_the_state_of_its_verified_receipt(monkeypatch, exit_class, state):
    async def fetch(conn, task):
        return VerifiedReceipt(SimpleNamespace(exit_class=exit_class))

    monkeypatch.setattr(fetch_receipt, "fetch_verified_receipt", fetch)
    assert await run_state(conn(TaskStatus.COMPLETED), "0x01", "0xde", NOW) == state


async def test_a_paid_task_without_a_verified_receipt_is_paid(monkeypatch):
    async def fetch(conn, task):
        raise NotFound("no vault has it.")

    monkeypatch.setattr(fetch_receipt, "fetch_verified_receipt", fetch)
    assert await run_state(conn(TaskStatus.COMPLETED), "0x01", "0xde", NOW) == "paid"
