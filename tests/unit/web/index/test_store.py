"""The chain index: equal after any reorganisations and across restarts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.web.index.reader import IndexReader, TaskFilter
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from tests.unit.web.index.index_rows import APPS, GENESIS, block, digest, trail_of


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
