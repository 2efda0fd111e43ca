"""Checks reported refusals with the vaults; only their answer fails a task at once."""

import logging
import time
from collections.abc import Callable, Sequence

from sealgrid.crypto.signing import Domain
from sealgrid.errors import SealgridError
from sealgrid.pool.events import VaultsAnswered
from sealgrid.pool.operations import apply_events
from sealgrid.pool.task_book import TaskBook
from sealgrid.units import Address
from sealgrid.wire.message import Transport
from sealgrid.wire.preview import PreviewRequest, VaultOpinion, preview
from sealgrid.wire.quorum import call_all

_log = logging.getLogger("sealgrid.pool")
_IDLE = 1.0  #: seconds between two checks when nothing was announced
_LIMIT = 100  #: refusals in one check


class RefusalCheck:
    """Requests the vaults' previews of reported refusals, one task after the other; ``clock`` returns Unix seconds."""

    def __init__(
        self,
        book: TaskBook,
        vaults: Sequence[tuple[Address, Transport]],
        threshold: int,
        domain: Domain,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._book, self._vaults, self._threshold = book, vaults, threshold
        self._domain, self._clock = domain, clock

    async def run(self) -> None:
        """Check reported refusals until cancelled."""
        while True:
            try:
                found = await self.check_reported()
            except SealgridError as error:  # of the database, or because another process leads now
                _log.warning("refusals wait: %s", error)
                found = False
            if not found:
                await self._book.wait_for_work(_IDLE)

    async def check_reported(self) -> bool:
        """Check each unverified refusal; return whether there was any."""
        tasks = await self._book.lead(lambda rows: rows.refusals(_LIMIT))
        for task in tasks:
            request = PreviewRequest(task=task)
            previews = [preview(transport, request, vault, self._domain) for vault, transport in self._vaults]
            replies = await call_all(previews, enough=self._threshold)
            for reply in replies:
                if isinstance(reply, BaseException):
                    _log.warning("preview of task %s: %s", task, reply)
            opinions = [reply for reply in replies if isinstance(reply, VaultOpinion)]
            check, detail = refusal_verdict(opinions, vaults=len(self._vaults), threshold=self._threshold)
            denied = self._threshold > 0 and sum(not each.check for each in opinions) >= self._threshold
            answer = VaultsAnswered(task=task, at=self._clock(), check=check, detail=detail, denied=denied)
            await self._apply(answer)
        return bool(tasks)

    async def _apply(self, answer: VaultsAnswered) -> None:
        await self._book.lead(lambda rows: apply_events(rows, [answer], self._book.rules))


def refusal_verdict(opinions: Sequence[VaultOpinion], *, vaults: int, threshold: int) -> tuple[str, str]:
    """Return check and sentence by which a task fails at once; both are empty when another worker may try it.

    It fails when n - t + 1 vaults refuse the deal, so that fewer than t can release, and fewer than t would settle: a
    task that can be settled goes to another worker.
    """
    refusing = [each for each in opinions if each.check and each.of_deal]
    settling = [each for each in opinions if each.settles]
    if not refusing or len(refusing) < vaults - threshold + 1 or len(settling) >= threshold:
        return "", ""
    first = refusing[0]
    return first.check, f"{len(refusing)} of {vaults} vaults refuse the deal: {first.sentence}"
