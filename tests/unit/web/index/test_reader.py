"""Queries of the pages on the index."""

import msgspec

from sealgrid.crypto.digests import cid_of
from sealgrid.receipts.run_record import RunTimes
from sealgrid.units import ZERO_ADDRESS
from sealgrid.web.index import reader
from sealgrid.web.index.reader import AssetFilter, IndexReader, TaskFilter
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.index.summaries import AssetSummary
from sealgrid.web.index.summary_store import SummaryStore
from sealgrid.web.pages.asset_lists import ORDERS
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


def test_the_tasks_of_a_deal_are_counted_by_state(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    worked = worked_block(0, APPS[0], "finalize")
    store.write(worked, trail_of([0]))
    assert IndexReader(store.engine).deal_states(worked.deals[0]["deal"]) == {"completed": 1, "waiting": 1}
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


def test_the_files_that_assets_name_are_listed_in_pages_with_their_owners(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_FILES_PER_REQUEST", 2)
    store = IndexStore(tmp_path / "index.sqlite", GENESIS)
    rows = [
        asset_row(1, "App", multiaddr=f"/ipfs/{cid_of(digest('app'))}", checksum=digest("code")),
        asset_row(2, "App", multiaddr="/ipfs/Qmqm", checksum=digest("code")),  # whose SHA-256 the chain does not tell
        asset_row(3, "Dataset", multiaddr="/ipfs/Qmqm", checksum=digest("sum")),
        asset_row(4, "Dataset", multiaddr="elsewhere"),
        asset_row(5, "Dataset", multiaddr=f"/ipfs/{cid_of(digest('model'))}"),
    ]
    store.write(IndexedBlocks(assets=tuple(rows)), trail_of([0]))
    index, pages, after = IndexReader(store.engine), [], ZERO_ADDRESS
    while after is not None:
        pages.append(index.asset_files(after))
        after = pages[-1].after
    files = [[(each.sha256, each.owner) for each in page.files] for page in pages]
    assert files == [[(digest("app"), APPS[0])], [(digest("sum"), APPS[0])], [(digest("model"), APPS[0])]]
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


def test_a_proof_without_an_answer_is_no_failure_and_a_reorganisation_takes_it_back(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    store.write(IndexedBlocks(assets=(pool_row(),)), trail_of([0]))
    matched, ended = worked_block(0, APPS[0], None), worked_block(0, APPS[0], "finalize")
    proofs = tuple(task | {"proof": True} for task in matched.tasks)
    store.write(msgspec.structs.replace(matched, tasks=proofs), trail_of([0]))
    store.write(IndexedBlocks(steps=tuple(step | {"block": 1} for step in ended.steps)), trail_of([0, 0]))
    (due,) = store.due_receipts(0, 9)
    store.store_exit_class(due, receipt("app-failed"))
    index = IndexReader(store.engine)
    found = index.record("workerpool", index.asset(APPS[1]))
    assert (found.proofs, found.failures, found.unverified, found.answer_rate) == (1, 0, 0, None)
    store.roll_back(0, trail_of([0]))
    assert index.record("workerpool", index.asset(APPS[1])).proofs == 0
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


def test_assets_are_listed_in_the_chosen_order(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    rows = [
        asset_row(n, "App", "") | {"name": name, "block": block}
        for n, name, block in ((1, "b", 5), (2, "A", 7), (3, "c", 6))
    ]
    store.write(IndexedBlocks(assets=tuple(rows)), trail_of([0]))
    index, summaries = IndexReader(store.engine), SummaryStore(store.engine)
    for row, price in zip(index.cards("App", AssetFilter(order="name")), (9, None, 3), strict=True):
        summaries.write(row, AssetSummary())
        summaries.set_price(row.address, price, None, 1)
    orders = {order: "".join(row.name for row in index.cards("App", AssetFilter(order=order))) for order in ORDERS}
    assert orders == {"used": "Acb", "newest": "Acb", "cheapest": "cAb", "name": "Abc"}
    store.close()


def test_text_of_a_search_is_no_pattern(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    store.write(IndexedBlocks(assets=(asset_row(1, "App", "") | {"name": "100%_sure"},)), trail_of([0]))
    index = IndexReader(store.engine)
    found = [len(index.cards("App", AssetFilter(search=word))) for word in ("%_", "0%", "1_0", "' or 1=1 --")]
    assert found == [1, 1, 0, 0]
    store.close()


def test_the_assets_that_name_a_file_have_their_owners_and_the_end_of_their_open_deals(tmp_path):
    store, sealed = IndexStore(tmp_path / "index.sqlite", GENESIS), digest("sealed")
    rows = [
        asset_row(1, "Dataset", multiaddr="elsewhere", checksum=sealed) | {"address": APPS[0]},
        asset_row(2, "App", multiaddr="/ipfs/bafkreisealed"),
        asset_row(3, "App", multiaddr="", checksum=sealed),  # an app's checksum is of its manifest
    ]
    transfers = [
        {"block": 0, "position": n, "asset": APPS[0], "owner": owner} for n, owner in enumerate((APPS[1], APPS[0]))
    ]
    bought = worked_block(0, APPS[0], "finalize")
    store.write(
        IndexedBlocks(assets=tuple(rows), owners=tuple(transfers), deals=bought.deals, tasks=bought.tasks),
        trail_of([0]),
    )
    index, file = IndexReader(store.engine), FileAddresses(sha256=sealed, cids=("bafkreisealed",))
    found = {asset.address: asset for asset in index.naming_assets(file, now=8)}
    model, app = found[APPS[0]], found[rows[1]["address"]]
    assert set(found) == {APPS[0], rows[1]["address"]}
    assert (model.is_dataset, model.owner, model.former_owners, model.open_until) == (True, APPS[0], (APPS[1],), 9)
    assert (app.is_dataset, app.open_until) == (False, 0)
    assert {asset.open_until for asset in index.naming_assets(file, now=9)} == {0}, "after the deadline nothing runs"
    store.close()


def test_a_model_whose_tasks_all_ended_has_no_open_deal_unless_tasks_are_not_listed(tmp_path):
    store, sealed = IndexStore(tmp_path / "index.sqlite", GENESIS), digest("sealed")
    model = asset_row(1, "Dataset", multiaddr="", checksum=sealed) | {"address": APPS[0]}
    bought = worked_block(0, APPS[0], "finalize")
    store.write(
        IndexedBlocks(assets=(model,), deals=bought.deals, tasks=bought.tasks[:1], steps=bought.steps), trail_of([0])
    )
    file = FileAddresses(sha256=sealed, cids=())
    assert IndexReader(store.engine).naming_assets(file, now=8)[0].open_until == 0
    large = bought.deals[0] | {"deal": digest("large"), "bot_size": 1001}
    listed = bought.tasks[0] | {"deal": digest("large"), "task": digest("task of a large deal"), "state": "completed"}
    store.write(IndexedBlocks(deals=(large,), tasks=(listed,)), trail_of([0, 0]))
    assert IndexReader(store.engine).naming_assets(file, now=8)[0].open_until == 9
    store.close()


def test_versions_are_the_assets_of_one_owner_with_one_base_name(tmp_path):
    store = IndexStore(tmp_path / "index.sqlite", GENESIS)
    names = ["reader", "reader@2", "reader@x%", "readers", "read_r@2", "READER@3"]
    rows = [asset_row(n, "App", "") | {"name": name, "block": n} for n, name in enumerate(names)]
    rows.append(asset_row(9, "App", "") | {"name": "reader@9", "owner": APPS[1]})
    store.write(IndexedBlocks(assets=tuple(rows)), trail_of([0]))
    index = IndexReader(store.engine)
    found = [row.name for row in index.versions("App", APPS[0], "reader")]
    assert [name for name in found if name != "READER@3"] == ["reader@x%", "reader@2", "reader"]
    assert [row.name for row in index.versions("App", APPS[0], "read_r")] == ["read_r@2"]
    assert index.versions("Dataset", APPS[0], "reader") == []
    store.close()
