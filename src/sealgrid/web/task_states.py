"""States of tasks as the pages show them: the receipt's, else the chain's, or the pool's for a task that it gave up."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from sealgrid.receipts.run_record import PAID_STATES
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.follow import public_history
from sealgrid.units import TaskId
from sealgrid.wire.pool import StageAt

MAX_STORED: Final = 10_000  #: tasks that the pool gave up, until the chain ends them
ASK_SECONDS: Final = 3.0  #: between two questions about one task, for all visitors together
POOL_SECONDS: Final = 2.0  #: the longest wait of a page for the pool
_OPEN: Final = frozenset({"waiting", "running"})


def shown_state(row: Any, stages: Sequence[StageAt] = ()) -> str:
    """Return the state to show for a task of the index.

    A completed one is ``answered``, ``app-failed``, ``model-unopened`` or ``refused`` by its verified receipt, before
    that ``paid``. An open one is ``refused`` or ``failed`` once its pool gave it up, else in the chain's state.
    """
    if row.state == "completed":
        return PAID_STATES[row.exit_class]
    if row.state not in _OPEN or not stages or stages[-1].stage != "failed":
        return str(row.state)
    return "refused" if stages[-1].check else "failed"


class TaskStates:
    """Asks the network's pool about the open tasks of a list: each task at intervals, until the pool gave it up."""

    def __init__(self, conn: Connection, clock: Callable[[], float]) -> None:
        self._conn, self._clock = conn, clock
        self._given_up: dict[TaskId, str] = {}
        self._asked: dict[TaskId, float] = {}  #: when, by the clock

    async def shown(self, rows: Sequence[Any]) -> dict[TaskId, str]:
        """Return the state to show for each task of these index rows; without the pool's while it does not answer."""
        now, pool = self._clock(), self._conn.network.workerpool
        self._asked = {task: at for task, at in self._asked.items() if at + ASK_SECONDS > now}
        open_rows = [row for row in rows if row.state in _OPEN and row.workerpool == pool]
        asked = [row for row in open_rows if row.task not in self._given_up and row.task not in self._asked]
        self._asked |= {row.task: now for row in asked}
        with suppress(TimeoutError):
            async with asyncio.timeout(POOL_SECONDS):
                await asyncio.gather(*(self._ask(row) for row in asked))
        return {
            row.task: self._given_up.get(row.task, row.state) if row.state in _OPEN else shown_state(row)
            for row in rows
        }

    async def _ask(self, row: Any) -> None:
        state = shown_state(row, await public_history(self._conn, row.task))
        if state != row.state:
            self._given_up[row.task] = state
        while len(self._given_up) > MAX_STORED:
            del self._given_up[next(iter(self._given_up))]
