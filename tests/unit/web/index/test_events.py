"""Events of an account: ended runs, sales, and sales that end soon, each at its time."""

from pathlib import Path
from typing import Any

import pytest

from sealgrid.web.index.events import NOTICES_SECONDS
from sealgrid.web.index.reader import AssetFilter, IndexReader
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.index.summaries import AssetSummary
from sealgrid.web.index.summary_store import SummaryStore
from tests.unit.web.index.index_rows import APPS, GENESIS, asset_row, digest, trail_of

APP, MODEL = f"0x{1:040x}", f"0x{2:040x}"
WEEK, DAY = NOTICES_SECONDS
OWNER, DEVELOPER, BUYER = (f"0x{n:040x}" for n in (11, 12, 13))


@pytest.fixture
def index(tmp_path: Path) -> Any:
    """Yield an index in which BUYER bought two tasks of one deal at time 10; the first ended at 20."""
    store = IndexStore(tmp_path / "index", GENESIS)
    assets = (
        asset_row(1, "App", "") | {"name": "reader", "owner": DEVELOPER},
        asset_row(2, "Dataset", "") | {"name": "plates", "owner": OWNER},
    )
    shared = {"deal": digest("deal"), "app": APP, "dataset": MODEL, "workerpool": APPS[1], "requester": BUYER}
    row = {"block": 1, "time": 10, "state": "waiting", "ended": None, "proof": False}
    tasks = tuple(shared | row | {"task": digest("task", n), "position": n, "first_of_deal": n == 0} for n in range(2))
    step = {"task": digest("task", 0), "kind": "finalize", "account": BUYER, "amount": 0, "transaction": digest("t")}
    steps = (step | {"block": 2, "position": 0, "time": 20},)
    store.write(IndexedBlocks(assets=assets, tasks=tasks, steps=steps), trail_of([0, 0, 0]))
    summaries, reader = SummaryStore(store.engine), IndexReader(store.engine)
    for kind in ("App", "Dataset"):
        [found] = reader.cards(kind, AssetFilter())
        summaries.write(found, AssetSummary())
    summaries.set_price(MODEL, 5, APP, 1, ends=WEEK + 100)
    yield reader
    store.close()


def events(index: IndexReader, account: str, since: int, now: int = 50) -> list[tuple[str, int, str]]:
    return [(event.kind, event.time, event.name) for event in index.events(account, since, now)]


def test_the_requester_learns_once_that_a_run_ended(index: IndexReader) -> None:
    [event] = index.events(BUYER, 0, 50)
    assert (event.kind, event.time, event.state, event.path) == ("done", 20, "completed", f"/tasks/{digest('task', 0)}")
    assert events(index, BUYER, 20) == []


def test_tasks_of_one_deal_that_end_together_are_one_event(index: IndexReader, tmp_path: Path) -> None:
    with index._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tasks SET ended = 20, state = 'completed'")
    [event] = index.events(BUYER, 0, 50)
    assert (event.time, event.runs) == (20, 2)


def test_the_owners_of_app_and_model_learn_of_each_deal(index: IndexReader) -> None:
    assert events(index, OWNER, 0) == [("sold", 10, "plates")]
    assert events(index, DEVELOPER, 0) == [("sold", 10, "reader")]
    assert events(index, OWNER, 10) == []


def test_the_owner_learns_a_week_before_that_a_sale_ends(index: IndexReader) -> None:
    assert events(index, OWNER, 10, now=99) == []
    assert events(index, OWNER, 10, now=100) == [("expiring", 100, "plates")]
    assert events(index, OWNER, 100, now=200) == []
    assert events(index, DEVELOPER, 10, now=200) == []


def test_the_owner_learns_again_a_day_before_the_end_also_of_a_sale_that_is_shorter_than_a_week(
    index: IndexReader,
) -> None:
    a_day_before = WEEK + 100 - DAY
    assert events(index, OWNER, a_day_before - 1, now=a_day_before) == [("expiring", a_day_before, "plates")]
    first, second = (each for each in index.events(OWNER, 10, a_day_before) if each.kind == "expiring")
    assert (first.asset, first.ends) == (second.asset, second.ends)
    assert first.id != second.id


def test_an_own_purchase_is_no_sale(index: IndexReader, tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "index", GENESIS)
    bought = {"block": 3, "position": 0, "asset": MODEL, "owner": BUYER}
    store.write(IndexedBlocks(owners=(bought,)), trail_of([0, 0, 0, 0]))
    assert [kind for kind, _, _ in events(index, BUYER, 0)] == ["done"]
    store.close()
