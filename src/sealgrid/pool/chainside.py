"""What the pool reads on the chain: deals for its workerpool, and what became of its tasks."""

from collections.abc import Sequence

from sealgrid.chain.assets import Assets
from sealgrid.chain.events import HubEvent, SchedulerNotice, TaskClaimed, TaskFinalize, TaskInitialize
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import DealView
from sealgrid.poco.params import CONTRIBUTION_DEADLINE_RATIO, FINAL_DEADLINE_RATIO
from sealgrid.poco.tags import is_tee
from sealgrid.pool.events import AnyEvent, ChainClaimed, ChainFinalized, ChainInitialised, DealSeen
from sealgrid.units import Address, DealId


class ChainSide:
    """One workerpool's view of one hub."""

    def __init__(self, hub: Hub, workerpool: Address) -> None:
        self.hub, self.assets, self.workerpool = hub, Assets(hub), workerpool

    async def read(self, events: Sequence[HubEvent], now: float) -> list[AnyEvent]:
        """Return what the hub's events mean to this pool; what became of other pools' tasks may be among it."""
        found: list[AnyEvent] = []
        for event in events:
            if isinstance(event, SchedulerNotice) and event.workerpool == self.workerpool:
                found.append(await self.deal(event.deal, now))
            elif isinstance(event, TaskInitialize):
                found.append(ChainInitialised(task=event.task, at=now))
            elif isinstance(event, TaskFinalize):
                found.append(ChainFinalized(task=event.task, at=now))
            elif isinstance(event, TaskClaimed):
                found.append(ChainClaimed(task=event.task, at=now))
        return found

    async def deal(self, deal: DealId, now: float) -> DealSeen:
        """Read a deal, and the app's bundle and deadlines that follow from it."""
        view = await self.hub.view_deal(deal)
        timeref = (await self.hub.view_category(view.category)).timeref
        return DealSeen(
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
        )


def refusal(deal: DealView) -> str:
    """Return why this pool does not run a deal; empty when it does."""
    if not is_tee(deal.tag):
        return "the deal's tag asks for no enclave (TEE); replicated jobs are not run by this pool yet"
    if deal.trust != 1:
        return f"the deal asks for trust {deal.trust}; a confidential task is run once, with trust 1"
    return ""
