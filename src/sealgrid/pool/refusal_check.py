"""Ask the vaults about tasks that a worker reported refused; only their word ends a task at once."""

import logging
import time
from collections.abc import Callable, Sequence

from sealgrid.crypto.signing import Domain
from sealgrid.pool.events import VaultsAnswered
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.state import questions
from sealgrid.units import Address, TaskId
from sealgrid.wire.message import Transport
from sealgrid.wire.preview import PreviewRequest, VaultOpinion, preview
from sealgrid.wire.quorum import call_all

_log = logging.getLogger("sealgrid.pool")
_IDLE = 1.0  #: seconds after which the state is looked at again though nothing changed


class RefusalCheck:
    """Puts the state's questions to the vaults, one task after the other; ``clock`` is Unix seconds."""

    def __init__(
        self,
        memory: PersistentState,
        vaults: Sequence[tuple[Address, Transport]],
        threshold: int,
        domain: Domain,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._memory, self._vaults, self._threshold = memory, vaults, threshold
        self._domain, self._clock = domain, clock

    async def work(self) -> None:
        """Ask for ever."""
        while True:
            if not await self.ask():
                await self._memory.changed(_IDLE)

    async def ask(self) -> bool:
        """Ask about each task that the state names; return whether there was any."""
        tasks = questions(self._memory.state)
        for task in tasks:
            self._memory.apply(await self._answer(task))
        return bool(tasks)

    async def _answer(self, task: TaskId) -> VaultsAnswered:
        asked = [
            preview(transport, PreviewRequest(task=task), vault, self._domain) for vault, transport in self._vaults
        ]
        replies = await call_all(asked, enough=self._threshold)
        for reply in replies:
            if isinstance(reply, BaseException):
                _log.warning("asking about task %s: %s", task, reply)
        heard = [reply for reply in replies if isinstance(reply, VaultOpinion)]
        check, detail = verdict(heard, vaults=len(self._vaults), threshold=self._threshold)
        denied = self._threshold > 0 and sum(not each.check for each in heard) >= self._threshold
        return VaultsAnswered(task=task, at=self._clock(), check=check, detail=detail, denied=denied)


def verdict(heard: Sequence[VaultOpinion], *, vaults: int, threshold: int) -> tuple[str, str]:
    """Return the number and sentence by which a task is to be ended at once; empty where it is to be tried again.

    It is ended when so many vaults refuse the deal that fewer than t are left to release, n - t + 1, and fewer than t
    would let an enclave settle it: a task that can be settled goes to another worker.
    """
    refusing = [each for each in heard if each.check and each.of_deal]
    settling = [each for each in heard if each.settles]
    if not refusing or len(refusing) < vaults - threshold + 1 or len(settling) >= threshold:
        return "", ""
    named = refusing[0]
    return named.check, f"{len(refusing)} of {vaults} vaults refuse the deal: ({named.check}) {named.sentence}"
