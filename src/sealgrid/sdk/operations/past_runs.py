"""How long past answers of an app took, from the chain and verified receipts, for the deals that the market lists."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.chain.abi import interface
from sealgrid.chain.events import TaskFinalize, parse_events
from sealgrid.errors import SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.receipts.run_record import RunTimes
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.fetch_receipt import find_verified_receipt
from sealgrid.sdk.operations.listed_deals import view_listed_deal
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId

LATEST_DEALS: Final = 20


@dataclass(frozen=True, slots=True)
class PastRuns:
    """Seconds of the latest answers of an app on a model, from the deal to the payment by the chain's clock, ascending.

    A worker's first run of the app on the model is cold: it fetches their files. The first task of each deal counts.
    """

    cold: tuple[int, ...] = ()
    warm: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Return the number of answers."""
        return len(self.cold) + len(self.warm)

    @property
    def expected(self) -> float | None:
        """Return the median of warm runs, else of cold ones, in seconds; None without past answers."""
        return RunTimes.of(self.warm or self.cold).median

    @property
    def slowest(self) -> int | None:
        """Return the longest duration in seconds; None without past answers."""
        return max(self.cold + self.warm, default=None)

    def __str__(self) -> str:
        if not self.count:
            return "unknown: no past answers"
        parts = []
        if self.warm:
            parts.append(f"about {_basis(self.warm)} on a machine that ran it before")
        if self.cold:
            parts.append(f"about {_basis(self.cold)} on another machine")
        return ", ".join(parts)


def _basis(seconds: tuple[int, ...]) -> str:
    median, count = RunTimes.of(seconds).median, len(seconds)
    if count == 1:
        return f"{median:g} s (one past run)"
    return f"{median:g} s (the median of {count} past runs, {seconds[-1]} s at most)"


async def past_runs(conn: Connection, app: Address, model: Address) -> PastRuns:
    """Return the durations of an app's latest answers on this model, or without one; none while the market is away.

    The market can hide deals but not invent any: each deal and its end are read from the chain, and a run counts as an
    answer by its verified receipt.
    """
    filters = {"app": app} if model == ZERO_ADDRESS else {"app": app, "dataset": model}
    try:
        deals = await conn.market.latest_deals(LATEST_DEALS, **filters)
        found = await asyncio.gather(*(_first_task(conn, deal, app, model) for deal in deals[:LATEST_DEALS]))
        begun = dict(each for each in found if each is not None)
        ended = await completion_times(conn, list(begun)) if begun else {}
    except SealgridError:
        return PastRuns()
    in_order = sorted(ended, key=lambda task: (ended[task], task))
    receipts = await asyncio.gather(*(find_verified_receipt(conn, task) for task in in_order))
    return durations(
        [(ended[task] - begun[task], receipt) for task, receipt in zip(in_order, receipts, strict=True) if receipt],
        has_all=len(deals) < LATEST_DEALS,
    )


def durations(runs: Sequence[tuple[int | None, VerifiedReceipt]], *, has_all: bool) -> PastRuns:
    """Return the durations of the answers among these runs, the oldest first; one without a duration does not count.

    A worker's first run of an app and model here is its first ever, hence cold, only if these are all runs; else it
    does not count.
    """
    cold: list[int] = []
    warm: list[int] = []
    seen: set[tuple[Address, Address, Address | None]] = set()
    for seconds, receipt in runs:
        body = receipt.body
        place = (body.worker, body.app.address, body.dataset.address if body.dataset else None)
        is_first = place not in seen
        seen.add(place)
        if seconds is not None and body.exit_class == "ok" and (has_all or not is_first):
            (cold if is_first else warm).append(seconds)
    return PastRuns(tuple(sorted(cold)), tuple(sorted(warm)))


async def _first_task(conn: Connection, deal: DealId, app: Address, model: Address) -> tuple[TaskId, int] | None:
    """Return a deal's first task and the time of the deal; None for a deal of another app or model."""
    view = await view_listed_deal(conn, deal)
    if view is None or (view.app.pointer, view.dataset.pointer) != (app, model):
        return None
    return task_id(deal, view.bot_first), view.start_time


async def completion_times(conn: Connection, tasks: Sequence[TaskId]) -> dict[TaskId, int]:
    """Return the times at which tasks were completed and paid, without those that were not."""
    finalized = interface("Hub").topic("TaskFinalize")
    topics: list[bytes | list[bytes]] = [finalized, [bytes.fromhex(task[2:]) for task in tasks]]
    head = (await conn.node.block()).number
    events = parse_events(await conn.node.logs(conn.hub.address, topics, first=0, last=head))
    blocks = {event.block_number for event in events}
    times = {number: (await conn.node.block(number)).timestamp for number in blocks}
    return {event.task: times[event.block_number] for event in events if isinstance(event, TaskFinalize)}
