"""The pool opens its tasks and claims refunds on the chain, whatever others did before."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ChainError
from sealgrid.pool import events as e
from sealgrid.pool.chain_executor import ChainExecutor
from sealgrid.pool.task_book import TaskBook
from tests.unit.pool.pool_scene import MATCHED, TASK, Clock, open_book

REFUND_DUE = e.ChainTimePassed(at=5, task=TASK, chain_now=2**41)


class Hub:
    """A hub with one task; records the transactions."""

    def __init__(self, status: TaskStatus, error: Exception | None = None) -> None:
        self.status, self.error = status, error
        self.transactions: list[str] = []

    async def view_task(self, task: object) -> "Hub":
        return self

    async def initialize(self, *_: object) -> None:
        self.transactions.append("initialize")
        if self.error:
            raise self.error

    async def claim_refund(self, *_: object) -> TaskStatus:
        self.transactions.append("claim")
        return TaskStatus.FAILED


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[TaskBook]:
    with open_book(tmp_path) as book:
        await book.apply_chain_events([MATCHED], BlockTrail(()))
        yield book


def executor(book: TaskBook, hub: Hub, clock: Clock) -> ChainExecutor:
    anything: Any = hub
    return ChainExecutor(book, anything, anything, retry=5, clock=clock)


@pytest.mark.parametrize(("status", "transactions"), [(TaskStatus.UNSET, ["initialize"]), (TaskStatus.ACTIVE, [])])
async def test_a_task_is_opened_unless_another_account_did(
    book: TaskBook, status: TaskStatus, transactions: list[str]
) -> None:
    hub = Hub(status)
    assert await executor(book, hub, Clock()).execute_pending()
    assert (hub.transactions, (await book.task(TASK)).initialized) == (transactions, True)


@pytest.mark.parametrize(
    ("status", "transactions", "stage"),
    [
        (TaskStatus.ACTIVE, ["claim"], "refunded"),
        (TaskStatus.FAILED, [], "refunded"),
        (TaskStatus.COMPLETED, [], "completed"),
    ],
)
async def test_a_due_refund_is_claimed_unless_the_chain_decided(
    book: TaskBook, status: TaskStatus, transactions: list[str], stage: str
) -> None:
    await book.apply(REFUND_DUE)
    hub = Hub(status)
    await executor(book, hub, Clock()).execute_pending()
    assert (hub.transactions, (await book.task(TASK)).stage) == (transactions, stage)


@pytest.mark.parametrize("error", [ChainError("no answer"), ValueError("unexpected")])
async def test_a_call_that_failed_is_repeated_after_a_pause(book: TaskBook, error: Exception) -> None:
    hub, clock = Hub(TaskStatus.UNSET, error), Clock()
    calls = executor(book, hub, clock)
    assert await calls.execute_pending()
    assert not await calls.execute_pending()
    clock.now += 5
    hub.error = None
    assert await calls.execute_pending()
    assert (hub.transactions, (await book.task(TASK)).initialized) == (["initialize"] * 2, True)
