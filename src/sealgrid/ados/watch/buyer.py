"""Buys the run of a window with the public SDK, and waits for its answers."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sealgrid.ados.attempts import Pause, is_temporary, until_available
from sealgrid.ados.watch.journal import WatchJournal, WindowRecord
from sealgrid.ados.watch.run_file import FeedRosterDocument
from sealgrid.errors import OrderRefused, SealgridError
from sealgrid.sdk.amounts import Amount, amount
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.resources.bags import AsyncBag, ShardOutcome


@dataclass(frozen=True, slots=True)
class PurchaseTerms:
    """What is bought for each window."""

    app: str
    model: str
    rows: int
    feed: str | None = None  #: contract that gets the rounds
    max_price: str | None = None  #: of one window's tasks together
    pool: str | None = None


class RunBuyer(Protocol):
    """What a watch needs of a network."""

    async def roster(self) -> FeedRosterDocument | None:
        """Return the roster of the feed; None without one."""

    async def buy(self, record: WindowRecord, journal: WatchJournal) -> WindowRecord:
        """Buy the run of a window once, wait for its end and return the window's new state."""


class NetworkBuyer:
    """Buys from a network, by the window's idempotency key: repeated after a crash, it buys nothing twice."""

    def __init__(self, client: AsyncClient, terms: PurchaseTerms, pause: Pause = asyncio.sleep) -> None:
        self._client, self._terms, self._pause = client, terms, pause

    async def roster(self) -> FeedRosterDocument | None:
        """Return the roster of the feed; None without a feed. Waits for a network that does not answer."""
        feed = self._terms.feed
        if feed is None:
            return None
        state = await until_available(lambda: self._client.feeds.show(feed), self._pause)
        document: FeedRosterDocument = msgspec.to_builtins(state.roster)
        return document

    async def buy(self, record: WindowRecord, journal: WatchJournal) -> WindowRecord:
        """Buy the run of a window; what nobody sells, or what the network refuses, ends it as refused.

        Of a window that is sold in part the rest is bought, too, if somebody sells it in time; else it ends as failed,
        with the answers that were bought. Raises InputRefused where the journal cannot be read or written.
        """
        content, key = journal.content(record.window), journal.purchase_key(record.window)
        try:
            bag = await until_available(lambda: self._open(record, content, key), self._pause)
        except SealgridError as error:
            return msgspec.structs.replace(record, state="refused", reason=str(error))
        record = msgspec.structs.replace(record, bag=bag.id)
        journal.update(record)
        with suppress(SealgridError):  # it is the error of the tasks that were not bought
            await until_available(lambda: self._complete(bag), self._pause)
        try:
            outcomes = await until_available(lambda: _outcomes(bag), self._pause)
        except SealgridError as error:
            return msgspec.structs.replace(record, state="failed", reason=str(error))
        for outcome in outcomes:
            if outcome.result is not None:
                station = record.stations[outcome.index] if record.stations else ""
                journal.store_result(record.window, station, outcome.result.files["result.json"])
        return msgspec.structs.replace(record, **ended_state(outcomes))

    async def _open(self, record: WindowRecord, content: bytes, key: str) -> AsyncBag:
        terms = self._terms
        return await self._client.starmap(
            terms.app,
            [([("readings.json", content)], each) for each in arguments(record, terms.rows)],
            terms.model,
            callback=terms.feed,
            max_price=terms.max_price,
            pool=terms.pool,
            key=key,
        )

    async def _complete(self, bag: AsyncBag) -> None:
        """Buy the tasks that other buyers were quicker to take; raise OrderRefused while nobody sells them."""
        if len(bag.runs) == len(bag.names):
            return
        limit = self._terms.max_price
        left = None if limit is None else Amount(max(int(amount(limit)) - int(bag.price), 0))
        await bag.retry(only_unsold=True, max_price=left)
        if len(bag.runs) < len(bag.names):
            raise OrderRefused("other buyers took the offers of some tasks.")


async def _outcomes(bag: AsyncBag) -> list[ShardOutcome]:
    """Wait for the end of all tasks; raise an error that may be gone at the next attempt."""
    outcomes = [outcome async for outcome in bag.as_completed()]
    for outcome in outcomes:
        if outcome.error is not None and is_temporary(outcome.error):
            raise outcome.error
    return outcomes


def arguments(record: WindowRecord, rows: int) -> list[tuple[str, ...]]:
    """Return the app's arguments of each task: one task, or one for each station whose round a feed gets."""
    window = ("--window", str(rows))
    if not record.stations:
        return [window]
    return [(*window, "--start", str(record.start), "--station", station) for station in record.stations]


def ended_state(outcomes: list[ShardOutcome]) -> dict[str, str]:
    """Return state and reason of a window whose tasks ended so."""
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    return {"state": "failed", "reason": str(errors[0])} if errors else {"state": "answered"}
