"""A pool's state with its event store: an event is applied once it is stored; waiters are woken."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool.effects import Answer
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.events import AnyEvent
from sealgrid.pool.state import PoolState, snapshot, step

SNAPSHOT_EVENTS: Final = 10_000  #: so many events are replaced by a snapshot: bounds the time of a restart
REMEMBERED_SECONDS: Final = 30 * 86_400  #: how long an ended task can be read, as long as an unopened result


class PersistentState:
    """The only writer of the state; used from one event loop."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        stored = store.snapshot()
        self.current = PoolState() if stored is None else stored.state()
        self._changed = asyncio.Event()
        self._events = 0  # since the snapshot
        for event in store.replay():
            self.current, _ = step(self.current, event)
            self._events += 1

    def apply(self, event: AnyEvent) -> tuple[Answer, ...]:
        """Apply and store one event; raise when the state refuses it. An event that changes nothing is not stored."""
        state, answers = step(self.current, event)
        if state is not self.current:
            self._store.append([event])
            self._replace(state, [event])
        return answers

    def apply_chain_events(self, events: Iterable[AnyEvent], trail: BlockTrail) -> None:
        """Apply events of the chain, and store them together with the blocks that were read."""
        state, stored = self.current, []
        for event in events:
            after, _ = step(state, event)
            if after is not state:
                stored.append(event)
            state = after
        self._store.append(stored, trail=trail)
        if stored:
            self._replace(state, stored)

    async def wait_for_change(self, seconds: float) -> None:
        """Return at the next change, or after ``seconds`` seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return

    def _replace(self, state: PoolState, events: Sequence[AnyEvent]) -> None:
        self.current = state
        self._events += len(events)
        if self._events >= SNAPSHOT_EVENTS:
            kept = snapshot(state, ended_since=events[-1].at - REMEMBERED_SECONDS)
            self._store.replace_events(kept)
            self.current, self._events = kept.state(), 0
        self._changed.set()
        self._changed = asyncio.Event()
