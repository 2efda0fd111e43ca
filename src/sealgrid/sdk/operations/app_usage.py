"""Usage of an app: its tasks by how they ended, its buyers and its revenue, from the chain and verified receipts."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.chain.views import DealView
from sealgrid.poco.ids import task_id
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.listed_deals import view_listed_deal
from sealgrid.sdk.operations.run_states import PAID, RunState, run_state
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId

MAX_USES: Final = 1000  #: tasks that are read, the newest first
_PAGE: Final = 200
_CONCURRENT: Final = 8


@dataclass(frozen=True, slots=True)
class AppUse:
    """One task of an app."""

    task: TaskId
    deal: DealId
    requester: Address
    model: Address | None
    price: Amount  #: of the app
    time: int  #: of the deal, Unix seconds
    state: RunState


@dataclass(frozen=True, slots=True)
class BuyerUses:
    """The tasks of one buyer."""

    requester: Address
    runs: int
    revenue: Amount


@dataclass(frozen=True, slots=True)
class AppUsage:
    """The tasks of an app, with their sums."""

    app: Address
    uses: tuple[AppUse, ...]  #: the newest first
    is_complete: bool  #: false where older tasks are left out

    @property
    def counts(self) -> dict[RunState, int]:
        """Return how many tasks have each state; states without a task are absent."""
        return dict(Counter(use.state for use in self.uses))

    @property
    def revenue(self) -> Amount:
        """Return the sum that the app's owners were paid for these tasks."""
        return _revenue(self.uses)

    @property
    def buyers(self) -> tuple[BuyerUses, ...]:
        """Return the buyers, those with most runs first."""
        counts = Counter(use.requester for use in self.uses)
        return tuple(
            BuyerUses(buyer, count, _revenue([use for use in self.uses if use.requester == buyer]))
            for buyer, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        )


def _revenue(uses: Sequence[AppUse]) -> Amount:
    return Amount(sum(use.price for use in uses if use.state in PAID))


async def usage_of_app(conn: Connection, app: Address, most: int = MAX_USES) -> AppUsage:
    """Return the latest tasks of an app, at most ``most``.

    The market lists the deals, and each is read from the chain and counted once: a market can omit deals, but not
    invent or repeat one.
    """
    limit, now = asyncio.Semaphore(_CONCURRENT), (await conn.node.block()).timestamp

    async def use_of(deal: DealView, index: int) -> AppUse:
        async with limit:
            task = task_id(deal.deal, index)
            return AppUse(
                task=task,
                deal=deal.deal,
                requester=deal.requester,
                model=None if deal.dataset.pointer == ZERO_ADDRESS else deal.dataset.pointer,
                price=Amount(deal.app.price),
                time=deal.start_time,
                state=await run_state(conn, task, deal.deal, now),
            )

    deals, is_complete = await _deals(conn, app, most)
    indexes = [
        (deal, index)
        for deal in deals
        for index in range(deal.bot_first, deal.bot_first + min(deal.bot_size, most + 1))
    ]
    uses = await asyncio.gather(*(use_of(deal, index) for deal, index in indexes[:most]))
    return AppUsage(app, tuple(uses), is_complete and len(indexes) <= most)


async def _deals(conn: Connection, app: Address, most: int) -> tuple[list[DealView], bool]:
    """Return the latest deals of an app, and whether they are all."""
    deals: dict[DealId, DealView] = {}  # pages shift when a deal is made between two requests
    for page in range(-(-most // _PAGE)):
        named = await conn.market.deals(app=app, pageIndex=str(page), pageSize=str(_PAGE))
        views = await asyncio.gather(*(view_listed_deal(conn, deal) for deal in named))
        deals |= {view.deal: view for view in views if view is not None and view.app.pointer == app}
        if len(named) < _PAGE:
            return list(deals.values()), True
    return list(deals.values()), False
