"""Events and the trail of read blocks survive a restart, in order."""

from pathlib import Path

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool import events as e
from sealgrid.pool.event_store import EventStore
from tests.unit.pool.pool_scene import BLOCK, MATCHED, TASK


def test_events_come_back_in_order_with_the_newest_trail(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "pool.sqlite")
    assert store.trail() is None
    events = [MATCHED, e.TaskInitialized(at=2, task=TASK), e.TaskFinalized(at=3, task=TASK)]
    store.append(events[:2], trail=BlockTrail(()))
    store.append(events[2:])
    store.append([], trail=BlockTrail((BLOCK,)))
    store.close()
    again = EventStore(tmp_path / "pool.sqlite")
    assert (list(again.replay()), again.trail()) == (events, BlockTrail((BLOCK,)))
    again.close()
