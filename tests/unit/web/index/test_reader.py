"""Queries of the pages on the index."""

from sealgrid.receipts.run_record import RunTimes
from sealgrid.web.index.reader import IndexReader, TaskFilter
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.wire.chain_view import FileAddresses
from tests.unit.web.index.index_rows import APPS, GENESIS, asset_row, digest, receipt, trail_of, worked_block


def pool_row():
    """Return the pool of the blocks' deals."""
    return asset_row(0, "Workerpool", "") | {"address": APPS[1]}


def test_a_pools_machines_are_the_workers_of_its_recent_ended_tasks_the_busiest_first(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    ends = [
        ("finalize", APPS[0]),
        ("finalize", APPS[1]),
        ("claimed", APPS[1]),
        ("initialize", APPS[1]),
        (None, APPS[0]),
    ]
    for number, (end, worker) in enumerate(ends):
        store.write(worked_block(number, worker, end), trail_of([0] * (number + 1)))
    index = IndexReader(store.engine)
    assert [tuple(row) for row in index.machines(APPS[1])] == [(APPS[1], 2, 1, 2), (APPS[0], 1, 1, 0)]
    assert [tuple(row) for row in index.machines(APPS[1], recent=2)] == [(APPS[1], 2, 1, 2)]
    assert index.machines(APPS[0]) == []
    store.close()


def test_a_stored_file_is_named_by_an_assets_address_or_a_datasets_checksum(tmp_path):
    store = IndexStore(tmp_path / "index.sqlite", GENESIS)
    files = [
        FileAddresses(sha256=digest(name), cids=(f"bafkrei{name}", f"Qm{name}"))
        for name in ("app", "qm", "sum", "code", "no")
    ]
    rows = [
        asset_row(1, "App", multiaddr="/ipfs/bafkreiapp", checksum=digest("code")),  # an app's names no file
        asset_row(2, "Dataset", multiaddr="/ipfs/Qmqm"),
        asset_row(3, "Dataset", multiaddr="elsewhere", checksum=digest("sum")),
    ]
    store.write(IndexedBlocks(assets=tuple(rows)), trail_of([0]))
    assert set(IndexReader(store.engine).named_files(files)) == {digest("app"), digest("qm"), digest("sum")}
    store.close()


def test_tasks_are_filtered_by_party_and_state_the_newest_first(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    for number, end in enumerate(("finalize", "claimed", "finalize")):
        store.write(worked_block(number, APPS[0], end), trail_of([0] * (number + 1)))
    index = IndexReader(store.engine)
    completed = index.tasks(TaskFilter({"workerpool": APPS[1]}, state="completed"))
    assert [row.time for row in completed] == [2, 0]
    assert index.tasks(TaskFilter({"workerpool": APPS[0]})) == []
    assert index.uses("workerpool", APPS[1], since=1) == [1, 1, 2, 2]
    store.close()


def fill(store: IndexStore, ends: list[tuple[str, str | None]]) -> list[str]:
    """Write a block for each (step, exit class), in which the same worker delivers a task; return the tasks."""
    filled = []
    for number, (end, exit_class) in enumerate(ends):
        written = worked_block(number, APPS[0], end)
        store.write(written, trail_of([0] * (number + 1)))
        filled.append(written.tasks[0]["task"])
        if exit_class:
            (due,) = [each for each in store.due_receipts(0, 9) if each.task == filled[-1]]
            store.store_exit_class(due, receipt(exit_class))
    return filled


def test_answers_failures_refusals_and_refunds_count_apart(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    store.write(IndexedBlocks(assets=(pool_row(),)), trail_of([0]))
    ends = [("finalize", "ok")] * 3 + [("finalize", each) for each in ("app-failed", "unopened", "refused", None)]
    fill(store, [*ends, ("claimed", None), ("initialize", None)])
    index = IndexReader(store.engine)
    found = index.record("workerpool", index.asset(APPS[1]))
    counts = (found.answers, found.failures, found.refusals, found.unverified, found.refunded)
    assert counts == (3, 2, 1, 1, 1)
    assert found.open == 1 + 9  # every deal has a second task, which waits
    assert (found.answer_rate, found.completion_rate) == (3 / 5, 7 / 8)
    assert index.counts()["answers"] == 0  # of apps
    assert [row.exit_class for row in index.tasks(TaskFilter(exit_classes=("app-failed", "unopened")))] == [
        "unopened",
        "app-failed",
    ]
    store.close()


def test_a_workers_first_run_of_an_app_is_cold_and_only_answers_have_a_duration(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    store.write(IndexedBlocks(assets=(pool_row(),)), trail_of([0]))
    fill(store, [("finalize", "ok")] * 4 + [("finalize", "app-failed")])
    index = IndexReader(store.engine)
    found = index.record("workerpool", index.asset(APPS[1]))
    apps = {row.app for row in index.tasks(TaskFilter()) if row.exit_class == "ok"}
    assert (found.cold, found.warm) == (RunTimes(len(apps), 0), RunTimes(4 - len(apps), 0))
    store.close()


def test_an_empty_index_has_no_height_and_no_assets(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    index = IndexReader(store.engine)
    assert (index.height(), index.counts(), index.total_earned(APPS[0])) == (-1, {"answers": 0}, 0)
    assert index.asset(APPS[0]) is None
    store.close()
