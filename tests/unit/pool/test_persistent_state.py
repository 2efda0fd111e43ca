from pathlib import Path

import msgspec
import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import NotFound
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.persistent_state import REMEMBERED_SECONDS, PersistentState
from sealgrid.units import DealId
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


def test_many_events_are_replaced_by_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealgrid.pool.persistent_state.SNAPSHOT_EVENTS", 3)
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    state.apply_chain_events([MATCHED, e.TaskInitialized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    assert len(list(store.replay())) == 2
    state.apply(e.JobRequested(at=3, worker=WORKER.address, chain_now=3))
    assert list(store.replay()) == []
    state.apply(e.StageReported(at=4, task=TASK, worker=WORKER.address, stage="running"))
    assert len(list(store.replay())) == 1
    store.close()
    again = EventStore(tmp_path / "pool.sqlite")
    assert PersistentState(again).current == state.current
    assert again.trail() == BlockTrail((BLOCK,))
    again.close()


def test_a_snapshot_forgets_a_task_that_ended_a_month_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealgrid.pool.persistent_state.SNAPSHOT_EVENTS", 3)
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    state.apply_chain_events([MATCHED, e.TaskFinalized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    later = msgspec.structs.replace(MATCHED, deal=DealId("0x" + "0f" * 32), at=3 + REMEMBERED_SECONDS)
    state.apply(later)
    assert list(state.current.tasks) == [task_id(later.deal, 0)]
    with pytest.raises(NotFound):
        state.current.task(TASK)
    store.close()
