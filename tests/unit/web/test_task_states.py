"""The state of a task on the pages: the chain's, until the pool gave the task up."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.units import to_address, to_digest
from sealgrid.web import task_states
from sealgrid.web.task_states import ASK_SECONDS, TaskStates, shown_state
from sealgrid.wire.pool import StageAt

POOL, OTHER = to_address(b"\x01" * 20), to_address(b"\x02" * 20)
FAILED, REFUSED = StageAt(stage="failed", at=1), StageAt(stage="failed", at=1, check="7.10")
WORKING = StageAt(stage="working", at=1)


@pytest.mark.parametrize(
    ("state", "stages", "shown"),
    [
        ("waiting", (), "waiting"),
        ("running", (WORKING,), "running"),
        ("running", (WORKING, FAILED), "failed"),
        ("waiting", (REFUSED,), "refused"),
        ("completed", (REFUSED,), "paid"),
        ("refunded", (FAILED,), "refunded"),
    ],
)
def test_an_open_task_that_its_pool_gave_up_does_not_look_as_if_it_ran(
    state: str, stages: tuple[StageAt, ...], shown: str
) -> None:
    assert shown_state(row(1, state), stages) == shown


@pytest.mark.parametrize(
    ("exit_class", "shown"),
    [
        ("ok", "answered"),
        ("app-failed", "app-failed"),
        ("unopened", "model-unopened"),
        ("refused", "refused"),
        (None, "paid"),
    ],
)
def test_a_paid_task_is_shown_as_its_verified_receipt_says(exit_class: str | None, shown: str) -> None:
    assert shown_state(row(1, "completed", exit_class=exit_class)) == shown


class Pool:
    """A pool that counts how often it is asked."""

    def __init__(self, *stages: StageAt) -> None:
        self.stages, self.asked = stages, 0

    async def task(self, task: str) -> Any:
        self.asked += 1
        return SimpleNamespace(history=self.stages)


def row(number: int, state: str, pool: str = POOL, *, exit_class: str | None = None) -> Any:
    return SimpleNamespace(task=to_digest(bytes([number]) * 32), state=state, workerpool=pool, exit_class=exit_class)


def states_of(pool: Any, clock: Callable[[], float] = lambda: 0.0) -> TaskStates:
    conn: Any = SimpleNamespace(pool=pool, network=SimpleNamespace(workerpool=POOL))
    return TaskStates(conn, clock)


async def test_a_list_asks_the_networks_pool_about_its_open_tasks_alone() -> None:
    rows = [row(1, "running"), row(2, "completed"), row(3, "running", OTHER)]
    pool = Pool(REFUSED)
    assert list((await states_of(pool).shown(rows)).values()) == ["refused", "paid", "running"]
    assert pool.asked == 1


async def test_a_task_that_was_given_up_is_asked_about_once_and_its_end_on_the_chain_is_shown() -> None:
    pool = Pool(FAILED)
    states = states_of(pool)
    for _ in range(2):
        assert list((await states.shown([row(1, "running")])).values()) == ["failed"]
    assert pool.asked == 1
    assert list((await states.shown([row(1, "refunded")])).values()) == ["refunded"]


async def test_a_running_task_is_asked_about_at_intervals_however_often_it_is_listed() -> None:
    pool, times = Pool(WORKING), iter([0.0, 1.0, ASK_SECONDS - 0.1, ASK_SECONDS])
    states = states_of(pool, lambda: next(times))
    counts = []
    for _ in range(4):
        await states.shown([row(1, "running")])
        counts.append(pool.asked)
    assert counts == [1, 1, 1, 2]


async def test_a_pool_that_does_not_answer_holds_no_page_up(monkeypatch) -> None:
    async def never(task: str) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(task_states, "POOL_SECONDS", 0.01)
    states = states_of(SimpleNamespace(task=never))
    assert list((await states.shown([row(1, "running")])).values()) == ["running"]
