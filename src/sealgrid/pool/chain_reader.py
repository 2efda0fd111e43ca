"""What the pool reads on the chain: deals for its workerpool, and what became of its tasks."""

import logging
from collections.abc import Sequence

from sealgrid.chain.assets import Assets
from sealgrid.chain.events import HubEvent, SchedulerNotice, TaskClaimed, TaskFinalize, TaskInitialize
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import DealView
from sealgrid.errors import SealgridError
from sealgrid.poco.constants import CONTRIBUTION_DEADLINE_RATIO, FINAL_DEADLINE_RATIO
from sealgrid.poco.tags import is_tee
from sealgrid.pool.events import AnyEvent, DealMatched, TaskFinalized, TaskInitialized, TaskRefunded
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest

_log = logging.getLogger("sealgrid.pool")


class PoolChainReader:
    """One workerpool's view of one hub."""

    def __init__(self, hub: Hub, workerpool: Address) -> None:
        self.hub, self.assets, self.workerpool = hub, Assets(hub), workerpool

    async def read(self, events: Sequence[HubEvent], now: float) -> list[AnyEvent]:
        """Return what the hub's events mean to this pool; what became of other pools' tasks may be among it."""
        found: list[AnyEvent] = []
        for event in events:
            if isinstance(event, SchedulerNotice) and event.workerpool == self.workerpool:
                found.append(await self.deal_or_refusal(event.deal, now))
            elif isinstance(event, TaskInitialize):
                found.append(TaskInitialized(task=event.task, at=now))
            elif isinstance(event, TaskFinalize):
                found.append(TaskFinalized(task=event.task, at=now))
            elif isinstance(event, TaskClaimed):
                found.append(TaskRefunded(task=event.task, at=now))
        return found

    async def deal_or_refusal(self, deal: DealId, now: float) -> DealMatched:
        """Read a deal; one that cannot be read is refused, so that it never stands in the way of those after it.

        Raises what the chain says when it does not answer: that passes, and the deal is read then.
        """
        try:
            return await self.deal(deal, now)
        except SealgridError:
            raise
        except Exception as error:  # noqa: BLE001  whoever makes a deal chooses what stands in it
            _log.exception("deal %s cannot be read", deal)
            return unreadable(deal, now, type(error).__name__)

    async def deal(self, deal: DealId, now: float) -> DealMatched:
        """Read a deal, and the app's bundle and deadlines that follow from it."""
        view = await self.hub.view_deal(deal)
        timeref = (await self.hub.view_category(view.category)).timeref
        return DealMatched(
            at=now,
            deal=deal,
            first=view.bot_first,
            size=view.bot_size,
            app=view.app.pointer,
            app_digest=await self.assets.checksum("App", view.app.pointer),
            bundle=await self.assets.multiaddr("App", view.app.pointer),
            contribution_deadline=view.start_time + CONTRIBUTION_DEADLINE_RATIO * timeref,
            final_deadline=view.start_time + FINAL_DEADLINE_RATIO * timeref,
            refusal=refusal(view),
            requester=view.requester,
        )


def unreadable(deal: DealId, now: float, why: str) -> DealMatched:
    """Return the refusal of a deal of which nothing is known: it has no tasks here."""
    return DealMatched(
        at=now,
        deal=deal,
        first=0,
        size=0,
        app=ZERO_ADDRESS,
        app_digest=Digest("0x" + "00" * 32),
        bundle="",
        contribution_deadline=0,
        final_deadline=0,
        refusal=f"the deal cannot be read ({why})",
    )


def refusal(deal: DealView) -> str:
    """Return why this pool does not run a deal; empty when it does."""
    if not is_tee(deal.tag):
        return "the deal's tag asks for no enclave (TEE); replicated jobs are not run by this pool yet"
    if deal.trust != 1:
        return f"the deal asks for trust {deal.trust}; a confidential task is run once, with trust 1"
    return ""


class ChainClock:
    """Estimate the chain's time: its last block's, plus what passed here since; never behind our own clock.

    A quiet chain writes no block, yet its deadlines pass: the next transaction would carry the later time.
    """

    def __init__(self) -> None:
        self._ahead = 0.0  #: how far the chain's clock runs before ours
        self._number = -1

    def observe(self, number: int, timestamp: int, now: float) -> None:
        """Take note of the newest block."""
        if number != self._number:
            self._number, self._ahead = number, max(0.0, timestamp - now)

    def now(self, now: float) -> int:
        """Return the chain's time in whole Unix seconds."""
        return int(now + self._ahead)
