"""Reads the receipts of completed tasks: a task counts as answered or failed once its receipt is verified."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.units import TaskId
from sealgrid.web.index.store import IndexStore, ReceiptDue
from sealgrid.wire.server import log_unexpected_error

AT_ONCE: Final = 8  #: receipts that are fetched at the same time
POLL_SECONDS: Final = 0.3
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 5, 24 * 3600  #: each wait is twice the one before


class ReceiptReader:
    """Fills in how each completed task of an index ended; ``clock`` returns Unix seconds."""

    def __init__(
        self,
        store: IndexStore,
        fetch: Callable[[TaskId], Awaitable[VerifiedReceipt]],
        clock: Callable[[], float],
    ) -> None:
        self._store, self._fetch, self._clock = store, fetch, clock

    async def run(self) -> None:
        """Read receipts until cancelled."""
        while True:
            try:
                if not await self.step():
                    await asyncio.sleep(POLL_SECONDS)
            except Exception as error:  # noqa: BLE001  a dead reader would leave every new task unverified
                log_unexpected_error(error)
                await asyncio.sleep(FIRST_RETRY_SECONDS)

    async def step(self) -> int:
        """Read the receipts that are due now, some at a time; return how many."""
        due = await asyncio.to_thread(self._store.due_receipts, int(self._clock()), AT_ONCE)
        await asyncio.gather(*(self._read(each) for each in due))
        return len(due)

    async def _read(self, due: ReceiptDue) -> None:
        try:
            receipt = await self._fetch(due.task)
        except Exception as error:  # noqa: BLE001  one task's receipt must not keep the others unread
            if not isinstance(error, SealgridError):  # those: not stored yet, a service away, or its checks fail
                log_unexpected_error(error)
            wait = min(FIRST_RETRY_SECONDS << min(due.tries, 20), LAST_RETRY_SECONDS)
            await asyncio.to_thread(self._store.postpone_receipt, due, int(self._clock()) + wait)
        else:
            await asyncio.to_thread(self._store.store_exit_class, due, receipt)
