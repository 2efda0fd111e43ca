from pathlib import Path

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool import events as e
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.persistent_state import PersistentState
from tests.unit.pool.pool_scene import BLOCK, MATCHED, TASK, WORKER


def test_what_was_applied_is_there_after_a_restart(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    state.apply_chain_events([MATCHED, e.TaskInitialized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    state.apply(e.JobRequested(at=3, worker=WORKER.address, chain_now=3))
    store.close()
    again = EventStore(tmp_path / "pool.sqlite")
    assert PersistentState(again).current == state.current
    assert again.trail() == BlockTrail((BLOCK,))
    again.close()


def test_an_event_that_changes_nothing_is_not_kept(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "pool.sqlite")
    PersistentState(store).apply(e.JobRequested(at=3, worker=WORKER.address, chain_now=3))
    PersistentState(store).apply_chain_events([e.TaskFinalized(at=3, task=TASK)], BlockTrail((BLOCK,)))
    assert list(store.replay()) == []
    store.close()
