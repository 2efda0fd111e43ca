"""The pool opens its tasks and claims refunds on the chain, whatever others did before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ChainError
from sealgrid.pool import events as e
from sealgrid.pool.chain_executor import ChainExecutor
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.persistent_state import PersistentState
from tests.unit.pool.pool_scene import MATCHED, TASK, Clock

REFUND_DUE = e.RefundDue(at=5, task=TASK)


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
def state(tmp_path: Path) -> Iterator[PersistentState]:
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    state.apply_chain_events([MATCHED], BlockTrail(()))
    yield state
    store.close()


def executor(state: PersistentState, hub: Hub, clock: Clock) -> ChainExecutor:
    anything: Any = hub
    return ChainExecutor(state, anything, anything, retry=5, clock=clock)


@pytest.mark.parametrize(("status", "transactions"), [(TaskStatus.UNSET, ["initialize"]), (TaskStatus.ACTIVE, [])])
async def test_a_task_is_opened_unless_another_account_did(
    state: PersistentState, status: TaskStatus, transactions: list[str]
) -> None:
    hub = Hub(status)
    assert await executor(state, hub, Clock()).execute_pending()
    assert (hub.transactions, state.current.task(TASK).ready) == (transactions, True)


@pytest.mark.parametrize(
    ("status", "transactions", "stage"),
    [
        (TaskStatus.ACTIVE, ["claim"], "refunded"),
        (TaskStatus.FAILED, [], "refunded"),
        (TaskStatus.COMPLETED, [], "completed"),
    ],
)
async def test_a_due_refund_is_claimed_unless_the_chain_decided(
    state: PersistentState, status: TaskStatus, transactions: list[str], stage: str
) -> None:
    state.apply(REFUND_DUE)
    hub = Hub(status)
    await executor(state, hub, Clock()).execute_pending()
    assert (hub.transactions, state.current.task(TASK).stage) == (transactions, stage)


@pytest.mark.parametrize("error", [ChainError("no answer"), ValueError("unexpected")])
async def test_a_call_that_failed_is_repeated_after_a_pause(state: PersistentState, error: Exception) -> None:
    hub, clock = Hub(TaskStatus.UNSET, error), Clock()
    calls = executor(state, hub, clock)
    assert await calls.execute_pending()
    assert not await calls.execute_pending()
    clock.now += 5
    hub.error = None
    assert await calls.execute_pending()
    assert (hub.transactions, state.current.task(TASK).ready) == (["initialize"] * 2, True)
