"""How the latest tasks of an app, a model or a pool ended, from the chain and verified receipts."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sealgrid.chain.views import DealView, PaymentOutcome, payment_outcome
from sealgrid.poco.ids import task_id
from sealgrid.receipts.run_record import RunRecord, RunTimes, counted_as
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.fetch_receipt import find_verified_receipt
from sealgrid.sdk.operations.listed_deals import view_listed_deal
from sealgrid.sdk.operations.past_runs import PastRuns, completion_times, durations
from sealgrid.units import Address, TaskId

LATEST_TASKS: Final = 100
LISTED_TASKS: Final = 20  #: of each app or model in a list
_LEAST_PAGE: Final = 10  #: deals on a page of a market
_CONCURRENT: Final = 8

Party = Literal["app", "dataset", "workerpool"]
_Payment = Literal["paid", "refunded", "open"]


@dataclass(frozen=True, slots=True)
class LatestRuns:
    """How the latest tasks ended."""

    record: RunRecord
    tasks: int  #: that the record counts
    is_complete: bool  #: false where older tasks are left out
    answer_rate: float | None = None  #: share of answers among answers and failures; None before the first


@dataclass(frozen=True, slots=True)
class _Task:
    """One task, with its receipt if it is paid and the receipt's checks hold."""

    task: TaskId
    deal: DealView
    is_first: bool  #: of its deal; the others wait for it
    payment: _Payment
    receipt: VerifiedReceipt | None


async def latest_runs(conn: Connection, party: Party, address: Address, most: int = LATEST_TASKS) -> LatestRuns:
    """Return how the latest tasks of an app, dataset or workerpool ended, at most ``most``.

    The market lists the deals; each is read from the chain and counted once: a market can omit deals, but not invent or
    repeat one.
    """
    page = max(most, _LEAST_PAGE)
    named = (await conn.market.deals(**{party: address}, pageSize=str(page)))[:page]  # a market may send more
    views = await asyncio.gather(*(view_listed_deal(conn, deal) for deal in named))
    of_party = [view for view in views if view is not None and getattr(view, party).pointer == address]
    deals = list({view.deal: view for view in of_party}.values())
    indexes = [
        (deal, index)
        for deal in deals
        for index in range(deal.bot_first, deal.bot_first + min(deal.bot_size, most + 1))
    ]
    limit, now = asyncio.Semaphore(_CONCURRENT), (await conn.node.block()).timestamp

    async def read(deal: DealView, index: int) -> _Task:
        async with limit:
            return await _task(conn, deal, index, now)

    tasks = await asyncio.gather(*(read(deal, index) for deal, index in indexes[:most]))
    has_all = len(named) < page and len(indexes) <= most
    times = await _times(conn, tasks, has_all=has_all)
    record = _record(tasks, times)
    return LatestRuns(record, len(tasks), has_all, record.answer_rate)


def _record(tasks: Sequence[_Task], times: PastRuns) -> RunRecord:
    payments = Counter(each.payment for each in tasks)
    ends = Counter(counted_as(each.receipt.body.exit_class, proof=each.deal.is_proof) for each in tasks if each.receipt)
    return RunRecord(
        answers=ends["answers"],
        failures=ends["failures"],
        refusals=ends["refusals"],
        proofs=ends["proofs"],
        unverified=payments["paid"] - ends.total(),
        refunded=payments["refunded"],
        open=payments["open"],
        cold=RunTimes.of(times.cold),
        warm=RunTimes.of(times.warm),
    )


async def _times(conn: Connection, tasks: Sequence[_Task], *, has_all: bool) -> PastRuns:
    """Return the durations of the answers among these tasks."""
    paid = {each.task: (each, each.receipt) for each in tasks if each.receipt}
    ended = await completion_times(conn, list(paid)) if paid else {}
    runs = []
    for task in sorted(ended, key=lambda task: (ended[task], task)):
        each, receipt = paid[task]
        runs.append((ended[task] - each.deal.start_time if each.is_first else None, receipt))
    return durations(runs, has_all=has_all)


async def _task(conn: Connection, deal: DealView, index: int, now: int) -> _Task:
    task = task_id(deal.deal, index)
    outcome = payment_outcome(await conn.hub.view_task(task), now)
    payment: dict[PaymentOutcome, _Payment] = {PaymentOutcome.PAID: "paid", PaymentOutcome.UNPAID: "refunded"}
    receipt = await find_verified_receipt(conn, task) if outcome is PaymentOutcome.PAID else None
    return _Task(task, deal, index == deal.bot_first, payment.get(outcome, "open"), receipt)
