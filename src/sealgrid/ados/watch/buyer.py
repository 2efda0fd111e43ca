"""Buys the run of a window with the public SDK, and waits for its answers."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sealgrid.ados.attempts import Pause, is_temporary, until_available
from sealgrid.ados.watch.journal import WatchJournal, WindowRecord
from sealgrid.ados.watch.run_file import FeedRosterDocument
from sealgrid.errors import SealgridError
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.resources.bags import ShardOutcome


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
        """Buy the run of a window; what nobody sells, or what the network refuses, ends it as refused."""
        try:
            return await until_available(lambda: self._buy(record, journal), self._pause)
        except SealgridError as error:
            return msgspec.structs.replace(record, state="refused", reason=str(error))

    async def _buy(self, record: WindowRecord, journal: WatchJournal) -> WindowRecord:
        terms, content = self._terms, journal.content(record.window)
        inputs = [([("readings.json", content)], each) for each in arguments(record, terms.rows)]
        bag = await self._client.starmap(
            terms.app,
            inputs,
            terms.model,
            callback=terms.feed,
            max_price=terms.max_price,
            pool=terms.pool,
            key=journal.purchase_key(record.window),
        )
        bought = msgspec.structs.replace(record, bag=bag.id)
        journal.update(bought)
        outcomes = [outcome async for outcome in bag.as_completed()]
        for outcome in outcomes:
            if is_temporary(outcome.error):
                assert outcome.error is not None
                raise outcome.error
            if outcome.result is not None:
                station = record.stations[outcome.index] if record.stations else ""
                journal.store_result(record.window, station, outcome.result.files["result.json"])
        return msgspec.structs.replace(bought, **ended_state(outcomes))


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
