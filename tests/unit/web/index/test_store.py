"""The chain index: equal after any reorganisations, across restarts, and its queries."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.web.index.reader import IndexReader, TaskFilter
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.wire.chain_view import FileAddresses

GENESIS = "0x" + "11" * 32
APPS = ["0x" + f"{n:02x}" * 20 for n in (1, 2)]
KINDS = ("initialize", "contribute", "finalize", "claimed", "reopen", "reward")


def digest(*parts: object) -> str:
    return "0x" + random.Random(repr(parts)).randbytes(32).hex()


def block(number: int, fork: int) -> IndexedBlocks:
    """Return a block with a deal of two tasks and one step of a task; forks differ."""
    chance = random.Random(f"{number} {fork}")
    deal, app = digest("deal", number, fork), chance.choice(APPS)
    shared = {"app": app, "dataset": APPS[0], "workerpool": APPS[1], "requester": APPS[0], "deal": deal}
    row = shared | {
        "sponsor": APPS[0],
        "app_price": 1,
        "dataset_price": 2,
        "pool_price": 3,
        "category": 0,
        "callback": APPS[0],
        "bot_first": 0,
        "bot_size": 2,
        "final_deadline": 9,
        "transaction": digest("match", number, fork),
        "block": number,
        "time": number,
    }
    tasks = [
        shared
        | {"task": digest(deal, n), "position": n, "state": "waiting", "block": number, "time": number, "ended": None}
        for n in range(2)
    ]
    step = {
        "block": number,
        "position": 1,
        "task": tasks[chance.randrange(2)]["task"],
        "kind": chance.choice(KINDS),
        "account": app,
        "amount": chance.randrange(5),
        "transaction": digest("tx", number, fork),
        "time": number,
    }
    minted = APPS[number] if number < len(APPS) else None
    asset = {
        "address": minted,
        "kind": "App",
        "owner": APPS[0],
        "name": "a",
        "multiaddr": "",
        "checksum": GENESIS,
        "block": number,
        "time": number,
    }
    sold = {"block": number, "position": 0, "asset": minted or chance.choice(APPS), "owner": chance.choice(APPS)}
    return IndexedBlocks(
        assets=(asset,) if minted else (), owners=(sold,), deals=(row,), tasks=tuple(tasks), steps=(step,)
    )


def contents(store: IndexStore) -> object:
    index = IndexReader(store.engine)
    tasks = [tuple(row) for page in range(9) for row in index.tasks(TaskFilter(), page=page)]
    runs = [(row.address, row.runs) for row in index.assets("App")]
    return (
        sorted(set(tasks)),
        runs,
        [(row.address, row.owner) for row in index.assets("App")],
        index.counts(),
        [index.record("app", row) for row in index.assets("App")],
        index.machines(APPS[1]),
        index.total_earned(APPS[0]),
        index.height(),
    )


def trail_of(forks: list[int]) -> BlockTrail:
    hashes = [digest("block", *forks[: n + 1]) for n in range(len(forks))]
    blocks = [Block(n, hashes[n], hashes[n - 1] if n else GENESIS, n) for n in range(len(forks))]
    return BlockTrail(tuple(blocks))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.one_of(st.just("grow"), st.integers(0, 5)), max_size=12))
def test_an_index_after_reorganisations_equals_one_of_the_final_chain(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("index")
    reorganised, forks, fork = IndexStore(folder / "reorganised", GENESIS), [], 0
    for step in steps:
        if step == "grow":
            forks.append(fork)
            reorganised.write(block(len(forks) - 1, fork), trail_of(forks))
        elif step < len(forks):
            fork, forks = fork + 1, forks[: step + 1]
            reorganised.roll_back(step, trail_of(forks))
    straight = IndexStore(folder / "straight", GENESIS)
    for number, chosen in enumerate(forks):
        straight.write(block(number, chosen), trail_of(forks[: number + 1]))
    assert contents(reorganised) == contents(straight)
    assert reorganised.trail() == straight.trail()
    reorganised.close()
    straight.close()


def test_the_index_survives_a_restart(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    store.write(block(0, 0), trail_of([0]))
    before = contents(store)
    store.close()
    reopened = IndexStore(tmp_path / "index", GENESIS)
    assert contents(reopened) == before
    assert reopened.trail() == trail_of([0])
    reopened.close()


def test_the_index_of_another_chain_is_discarded(tmp_path):
    store = IndexStore(tmp_path / "index", GENESIS)
    store.write(block(0, 0), trail_of([0]))
    store.close()
    other = IndexStore(tmp_path / "index", digest("another genesis"))
    assert other.trail() is None
    assert IndexReader(other.engine).tasks(TaskFilter()) == []
    assert IndexReader(other.engine).height() == -1
    other.close()


@pytest.mark.parametrize(
    ("kind", "state"), [("initialize", "running"), ("finalize", "completed"), ("claimed", "refunded")]
)
def test_a_tasks_last_step_sets_its_state(tmp_path, kind, state):
    store = IndexStore(tmp_path / "index", GENESIS)
    written = block(0, 0)
    step = written.steps[0] | {"kind": kind}
    store.write(IndexedBlocks(deals=written.deals, tasks=written.tasks, steps=(step,)), trail_of([0]))
    found = IndexReader(store.engine).task(step["task"])
    assert found.state == state
    assert (found.ended is not None) == (state in {"completed", "refunded"})
    store.close()


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


def worked_block(number: int, worker: str, end: str | None) -> IndexedBlocks:
    """Return a block in which a machine delivers a task, and the task ends with ``end`` if given."""
    filled = block(number, 0)
    delivered = filled.steps[0] | {"task": filled.tasks[0]["task"], "kind": "contribute", "account": worker}
    ended = (delivered | {"position": 2, "kind": end},) if end else ()
    return IndexedBlocks(deals=filled.deals, tasks=filled.tasks, steps=(delivered, *ended))


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


def asset_row(number: int, kind: str, multiaddr: str, checksum: str = "0x" + "00" * 32):
    return {
        "address": f"0x{number:040x}",
        "kind": kind,
        "owner": APPS[0],
        "name": "a",
        "multiaddr": multiaddr,
        "checksum": checksum,
        "block": 0,
        "time": 0,
    }
