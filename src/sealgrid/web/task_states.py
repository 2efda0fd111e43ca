"""States of tasks as the pages show them: the chain's, or the pool's for an open task that it gave up."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.follow import public_history
from sealgrid.units import TaskId
from sealgrid.wire.pool import StageAt

MAX_STORED: Final = 10_000  #: tasks that the pool gave up, until the chain ends them
_OPEN: Final = frozenset({"waiting", "running"})


def shown_state(state: str, stages: Sequence[StageAt]) -> str:
    """Return the state to show for a task: ``refused`` or ``failed`` once its pool gave it up, else the chain's."""
    if state not in _OPEN or not stages or stages[-1].stage != "failed":
        return state
    return "refused" if stages[-1].check else "failed"


class TaskStates:
    """Asks the network's pool about the open tasks of a list; a task that it gave up is asked about once."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._given_up: OrderedDict[TaskId, str] = OrderedDict()

    async def shown(self, rows: Sequence[Any]) -> dict[TaskId, str]:
        """Return the state to show for each task of these index rows."""
        pool = self._conn.network.workerpool
        asked = [
            row for row in rows if row.state in _OPEN and row.workerpool == pool and row.task not in self._given_up
        ]
        histories = await asyncio.gather(*(public_history(self._conn, row.task) for row in asked))
        for row, stages in zip(asked, histories, strict=True):
            if (state := shown_state(row.state, stages)) != row.state:
                self._given_up[row.task] = state
        while len(self._given_up) > MAX_STORED:
            self._given_up.popitem(last=False)
        return {row.task: self._given_up.get(row.task, row.state) if row.state in _OPEN else row.state for row in rows}
