"""How long past runs of an app took, from the chain, for the deals that the market lists."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.chain.abi import interface
from sealgrid.chain.events import TaskFinalize, parse_events
from sealgrid.errors import NotFound, SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId, to_digest

LATEST_DEALS: Final = 20


@dataclass(frozen=True, slots=True)
class PastRuns:
    """Durations of the latest completed runs of an app on a model, from the deal to the payment."""

    seconds: tuple[int, ...] = ()  #: by the chain's clock, ascending; the first task of each deal counts

    @property
    def median(self) -> float | None:
        """Return the median in seconds; None without past runs."""
        return statistics.median(self.seconds) if self.seconds else None

    def __str__(self) -> str:
        if self.median is None:
            return "unknown: no past runs"
        count = len(self.seconds)
        runs = (
            "the only past run" if count == 1 else f"the median of the last {count} runs, {self.seconds[-1]} s at most"
        )
        return f"about {self.median:g} s ({runs})"


async def past_runs(conn: Connection, app: Address, model: Address) -> PastRuns:
    """Return the durations of an app's latest runs on this model, or without one; none while the market is away.

    The market can hide deals but not invent any: each deal and its end are read from the chain.
    """
    filters = {"app": app} if model == ZERO_ADDRESS else {"app": app, "dataset": model}
    try:
        deals = await conn.market.latest_deals(LATEST_DEALS, **filters)
        found = await asyncio.gather(*(_first_task(conn, deal, app, model) for deal in deals[:LATEST_DEALS]))
        begun = dict(each for each in found if each is not None)
        ended = await _completion_times(conn, list(begun)) if begun else {}
    except SealgridError:
        return PastRuns()
    return PastRuns(tuple(sorted(time - begun[task] for task, time in ended.items())))


async def _first_task(conn: Connection, deal: DealId, app: Address, model: Address) -> tuple[TaskId, int] | None:
    """Return a deal's first task and the time of the deal; None for a deal of another app or model."""
    try:
        view = await conn.hub.view_deal(DealId(to_digest(deal)))
    except (NotFound, ValueError):
        return None
    if (view.app.pointer, view.dataset.pointer) != (app, model):
        return None
    return task_id(deal, view.bot_first), view.start_time


async def _completion_times(conn: Connection, tasks: Sequence[TaskId]) -> dict[TaskId, int]:
    """Return the times at which tasks were completed and paid, without those that were not."""
    finalized = interface("Hub").topic("TaskFinalize")
    topics: list[bytes | list[bytes]] = [finalized, [bytes.fromhex(task[2:]) for task in tasks]]
    head = (await conn.node.block()).number
    events = parse_events(await conn.node.logs(conn.hub.address, topics, first=0, last=head))
    blocks = {event.block_number for event in events}
    times = {number: (await conn.node.block(number)).timestamp for number in blocks}
    return {event.task: times[event.block_number] for event in events if isinstance(event, TaskFinalize)}
