"""Executes the pool's pending chain calls: initialises tasks and claims refunds."""

import logging
import time
from collections.abc import Callable

from sealgrid.chain.hub import Hub
from sealgrid.chain.views import TaskStatus
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import SealgridError
from sealgrid.pool.effects import ChainCall
from sealgrid.pool.events import AnyEvent, ChainCallPostponed, TaskFinalized, TaskInitialized, TaskRefunded
from sealgrid.pool.operations import pending_calls
from sealgrid.pool.task_book import TaskBook

_log = logging.getLogger("sealgrid.pool")
_IDLE = 1.0  #: seconds between two checks when nothing was announced
_LIMIT = 100  #: calls in one check


class ChainExecutor:
    """Executes the chain calls that tasks need, with retries until confirmed; ``clock`` returns Unix seconds."""

    def __init__(
        self, book: TaskBook, hub: Hub, wallet: Wallet, *, retry: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._book, self._hub, self._wallet = book, hub, wallet
        self._retry, self._clock = retry, clock

    async def run(self) -> None:
        """Execute pending calls until cancelled."""
        while True:
            if not await self.execute_pending():
                await self._book.wait_for_work(min(_IDLE, self._retry))

    async def execute_pending(self) -> bool:
        """Try each pending call once, except those that failed recently; return whether there was any."""
        now = self._clock()
        calls = await self._book.run(lambda rows: pending_calls(rows, now, _LIMIT))
        for call in calls:
            try:
                await self._book.apply(await self._execute(call))
            except SealgridError as error:
                await self._postpone(call)
                _log.warning("%s of task %s waits: %s", call.kind, call.task, error)
            except Exception:  # noqa: BLE001  an error of one task must not stop the others
                await self._postpone(call)
                _log.exception("%s of task %s waits", call.kind, call.task)
        return bool(calls)

    async def _postpone(self, call: ChainCall) -> None:
        now = self._clock()
        await self._book.apply(ChainCallPostponed(task=call.task, at=now, until=now + self._retry))

    async def _execute(self, call: ChainCall) -> AnyEvent:
        # Anyone may initialise or claim a task, and an earlier call may have succeeded: check the chain first.
        status = (await self._hub.view_task(call.task)).status
        if status is TaskStatus.COMPLETED:
            return TaskFinalized(task=call.task, at=self._clock())
        if status is TaskStatus.FAILED:
            return TaskRefunded(task=call.task, at=self._clock())
        if call.kind == "claim":
            status = await self._hub.claim_refund(self._wallet, call.deal, call.index)
            if status is TaskStatus.COMPLETED:
                return TaskFinalized(task=call.task, at=self._clock())
            _log.info("the requester of task %s was refunded", call.task)
            return TaskRefunded(task=call.task, at=self._clock())
        if status is TaskStatus.UNSET:
            await self._hub.initialize(self._wallet, call.deal, call.index)
        return TaskInitialized(task=call.task, at=self._clock())
