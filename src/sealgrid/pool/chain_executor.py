"""Executes the pool's pending chain calls: initialises tasks and claims refunds."""

import logging
import time
from collections.abc import Callable

from sealgrid.chain.hub import Hub
from sealgrid.chain.views import TaskStatus
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import SealgridError
from sealgrid.pool.effects import ChainCall, ClaimRefund
from sealgrid.pool.events import AnyEvent, TaskFinalized, TaskInitialized, TaskRefunded
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.state import pending_calls
from sealgrid.units import TaskId

_log = logging.getLogger("sealgrid.pool")
_IDLE = 1.0  #: seconds between two checks of an unchanged state


class ChainExecutor:
    """Executes ``pending_calls``, with retries until confirmed; ``clock`` returns Unix seconds."""

    def __init__(
        self, state: PersistentState, hub: Hub, wallet: Wallet, *, retry: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._state, self._hub, self._wallet = state, hub, wallet
        self._retry, self._clock = retry, clock
        self._not_before = dict[TaskId, float]()

    async def run(self) -> None:
        """Execute pending calls until cancelled."""
        while True:
            if not await self.execute_pending():
                await self._state.wait_for_change(min(_IDLE, self._retry))

    async def execute_pending(self) -> bool:
        """Try each pending call once, except those that failed recently; return whether there was any."""
        calls = [
            call for call in pending_calls(self._state.current) if self._not_before.get(call.task, 0) <= self._clock()
        ]
        for call in calls:
            try:
                self._state.apply(await self._execute(call))
                self._not_before.pop(call.task, None)
            except SealgridError as error:
                self._not_before[call.task] = self._clock() + self._retry
                _log.warning("%s of task %s waits: %s", type(call).__name__, call.task, error)
            except Exception:  # noqa: BLE001  an error of one task must not stop the others
                self._not_before[call.task] = self._clock() + self._retry
                _log.exception("%s of task %s waits", type(call).__name__, call.task)
        return bool(calls)

    async def _execute(self, call: ChainCall) -> AnyEvent:
        # Anyone may initialise or claim a task, and an earlier call may have succeeded: check the chain first.
        status = (await self._hub.view_task(call.task)).status
        if status is TaskStatus.COMPLETED:
            return TaskFinalized(task=call.task, at=self._clock())
        if status is TaskStatus.FAILED:
            return TaskRefunded(task=call.task, at=self._clock())
        if isinstance(call, ClaimRefund):
            status = await self._hub.claim_refund(self._wallet, call.deal, call.index)
            if status is TaskStatus.COMPLETED:
                return TaskFinalized(task=call.task, at=self._clock())
            _log.info("the requester of task %s was refunded", call.task)
            return TaskRefunded(task=call.task, at=self._clock())
        if status is TaskStatus.UNSET:
            await self._hub.initialize(self._wallet, call.deal, call.index)
        return TaskInitialized(task=call.task, at=self._clock())
