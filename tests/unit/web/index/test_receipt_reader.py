"""Receipts of completed tasks: counted once verified, tried again ever later before that."""

from typing import Any

import pytest

from sealgrid.errors import NotFound, ReceiptRefused
from sealgrid.units import TaskId
from sealgrid.web.index.reader import IndexReader
from sealgrid.web.index.receipt_reader import FIRST_RETRY_SECONDS, ReceiptReader
from sealgrid.web.index.store import IndexStore
from tests.unit.web.index.index_rows import APPS, GENESIS, receipt, trail_of, worked_block


class Scene:
    """An index with one completed task, a clock, and the receipt that a fetch finds."""

    def __init__(self, folder: Any) -> None:
        self.store = IndexStore(folder / "index", GENESIS)
        self.store.write(worked_block(0, APPS[0], "finalize"), trail_of([0]))
        self.now, self.fetched, self.found = 1000.0, 0, receipt("app-failed")
        self.error: Exception | None = None
        self.reader = ReceiptReader(self.store, self.fetch, lambda: self.now)

    async def fetch(self, task: TaskId) -> Any:
        self.fetched += 1
        if self.error:
            raise self.error
        return self.found

    def exit_class(self) -> str | None:
        task = worked_block(0, APPS[0], "finalize").tasks[0]["task"]
        row = IndexReader(self.store.engine).task(task)
        assert row is not None
        found: str | None = row.exit_class
        return found


@pytest.fixture
def scene(tmp_path: Any) -> Any:
    made = Scene(tmp_path)
    yield made
    made.store.close()


async def test_a_verified_receipt_says_how_its_task_ended_and_is_read_once(scene: Scene) -> None:
    assert scene.exit_class() is None
    assert await scene.reader.step() == 1
    assert scene.exit_class() == "app-failed"
    assert await scene.reader.step() == 0
    assert scene.fetched == 1


@pytest.mark.parametrize(
    "error",
    [NotFound("no vault has it."), ReceiptRefused("9", "one verdict of two."), ValueError("a stranger's bytes")],
)
async def test_a_task_without_a_verified_receipt_counts_as_paid_only_and_is_tried_again(
    scene: Scene, error: Exception
) -> None:
    scene.error = error
    waits = []
    for _ in range(3):
        assert await scene.reader.step() == 1
        wait = 0
        while not scene.store.due_receipts(int(scene.now) + wait, 1):
            wait += 1
        waits.append(wait)
        scene.now += wait
    assert waits == [FIRST_RETRY_SECONDS, 2 * FIRST_RETRY_SECONDS, 4 * FIRST_RETRY_SECONDS]
    assert scene.exit_class() is None
    scene.error = None
    await scene.reader.step()
    assert scene.exit_class() == "app-failed"


async def test_a_receipt_that_arrives_after_its_task_was_rolled_back_is_not_counted(scene: Scene) -> None:
    (due,) = scene.store.due_receipts(0, 1)
    scene.store.roll_back(-1, trail_of([]))
    scene.store.store_exit_class(due, receipt("ok"))
    scene.store.write(worked_block(0, APPS[0], "finalize"), trail_of([0]))
    assert scene.exit_class() is None


async def test_a_rolled_back_task_loses_its_counts(scene: Scene) -> None:
    await scene.reader.step()
    scene.store.roll_back(-1, trail_of([]))
    scene.store.write(worked_block(0, APPS[0], None), trail_of([0]))
    assert scene.exit_class() is None
    assert scene.store.due_receipts(0, 9) == []
