"""A pool's state together with its store: an event counts once it is stored, and everyone waiting is woken."""

import asyncio
from collections.abc import Iterable

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool.effects import Answer
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.events import AnyEvent
from sealgrid.pool.state import PoolState, step


class PersistentState:
    """The one place that changes the state; one event at a time, in one event loop."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.state = PoolState()
        self._changed = asyncio.Event()
        for event in store.replay():
            self.state, _ = step(self.state, event)

    def apply(self, event: AnyEvent) -> tuple[Answer, ...]:
        """Apply and keep one event; raise what the state refuses. An event that changes nothing is not kept."""
        state, answers = step(self.state, event)
        if state is not self.state:
            self._store.append([event])
            self._enter(state)
        return answers

    def learn(self, events: Iterable[AnyEvent], trail: BlockTrail) -> None:
        """Apply what the chain said, and keep it with the place up to which the chain was read."""
        state, kept = self.state, []
        for event in events:
            after, _ = step(state, event)
            if after is not state:
                kept.append(event)
            state = after
        self._store.append(kept, trail=trail)
        if kept:
            self._enter(state)

    async def changed(self, within: float) -> None:
        """Return at the next change, or after ``within`` seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), within)
        except TimeoutError:
            return

    def _enter(self, state: PoolState) -> None:
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()
