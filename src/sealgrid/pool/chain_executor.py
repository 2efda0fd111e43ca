"""What the pool does on the chain: opens its tasks, and claims refunds without being asked."""

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
from sealgrid.pool.state import standing
from sealgrid.units import TaskId

_log = logging.getLogger("sealgrid.pool")
_IDLE = 1.0  #: seconds after which the state is looked at again though nothing changed


class ChainExecutor:
    """Does what ``standing`` asks for, again until the chain has it; ``clock`` is Unix seconds."""

    def __init__(
        self, memory: PersistentState, hub: Hub, wallet: Wallet, *, retry: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._memory, self._hub, self._wallet = memory, hub, wallet
        self._retry, self._clock = retry, clock
        self._not_before = dict[TaskId, float]()

    async def work(self) -> None:
        """Act for ever."""
        while True:
            if not await self.act():
                await self._memory.changed(min(_IDLE, self._retry))

    async def act(self) -> bool:
        """Try each standing call once, except those that failed a moment ago; return whether any was tried."""
        calls = [call for call in standing(self._memory.state) if self._not_before.get(call.task, 0) <= self._clock()]
        for call in calls:
            await self._try(call)
        return bool(calls)

    async def _try(self, call: ChainCall) -> None:
        try:
            self._memory.apply(await self._do(call))
            self._not_before.pop(call.task, None)
        except SealgridError as error:
            self._not_before[call.task] = self._clock() + self._retry
            _log.warning("%s of task %s waits: %s", type(call).__name__, call.task, error)
        except Exception:  # noqa: BLE001  one task must not end the work for the others
            self._not_before[call.task] = self._clock() + self._retry
            _log.exception("%s of task %s waits", type(call).__name__, call.task)

    async def _do(self, call: ChainCall) -> AnyEvent:
        # Anyone may open or claim a task, and we may have been killed after doing it: the chain is asked first.
        status = (await self._hub.view_task(call.task)).status
        if status is TaskStatus.COMPLETED:
            return TaskFinalized(task=call.task, at=self._clock())
        if status is TaskStatus.FAILED:
            return TaskRefunded(task=call.task, at=self._clock())
        if isinstance(call, ClaimRefund):
            return await self._claim(call)
        if status is TaskStatus.UNSET:
            await self._hub.initialize(self._wallet, call.deal, call.index)
        return TaskInitialized(task=call.task, at=self._clock())

    async def _claim(self, call: ClaimRefund) -> AnyEvent:
        if await self._hub.claim_refund(self._wallet, call.deal, call.index) is TaskStatus.COMPLETED:
            return TaskFinalized(task=call.task, at=self._clock())
        _log.info("the requester of task %s has the money back", call.task)
        return TaskRefunded(task=call.task, at=self._clock())
