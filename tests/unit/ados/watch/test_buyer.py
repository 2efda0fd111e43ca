"""What is bought for a window, also where others are quicker, and how its end is told."""

from types import SimpleNamespace

import msgspec
import pytest

from sealgrid.ados.attempts import ATTEMPTS
from sealgrid.ados.watch.buyer import NetworkBuyer, PurchaseTerms, arguments, ended_state
from sealgrid.ados.watch.journal import WindowRecord
from sealgrid.errors import AppFailed, InputRefused, OrderRefused, ServiceUnavailable
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.resources.bags import ShardOutcome

RECORD = WindowRecord(window=5, start=18_000, end=21_600)
FOR_FEED = WindowRecord(window=5, start=18_000, end=21_600, stations=("a", "b", "c"))


def test_a_window_is_one_task_and_for_a_feed_one_of_each_station():
    assert arguments(RECORD, 6) == [("--window", "6")]
    for_feed = WindowRecord(window=5, start=18_000, end=21_600, stations=("a", "b"))
    assert arguments(for_feed, 6) == [
        ("--window", "6", "--start", "18000", "--station", station) for station in ("a", "b")
    ]


def test_a_window_with_a_task_that_failed_says_why():
    good = ShardOutcome(0, "", None, None, None)
    bad = ShardOutcome(1, "", None, None, AppFailed("the app failed.", task="0x", log="", exit=2))
    assert ended_state([good]) == {"state": "answered"}
    assert ended_state([good, bad]) == {"state": "failed", "reason": "the app failed."}


class Journal:
    """Keeps what a window is, and its answers."""

    def __init__(self):
        self.records, self.results, self.full = [], {}, False

    def content(self, window):
        return b"readings"

    def purchase_key(self, window):
        return f"key:{window}"

    def update(self, record):
        self.records.append(record)

    def store_result(self, window, station, content):
        if self.full:
            raise InputRefused("the journal cannot be written.")
        self.results[station] = content


class Market:
    """Sells so many tasks at each attempt; a client of one bag."""

    id = "bag"

    def __init__(self, *sold, price=5):
        self.sold, self.limits, self.names, self.runs, self._price = list(sold), [], (), [], price
        self.away = [ServiceUnavailable("away.")]

    @property
    def price(self):
        return Amount(self._price * len(self.runs))

    async def starmap(self, app, inputs, model, **terms):
        assert terms["key"] == "key:5"
        self.names = tuple(inputs)
        self._sell()
        return self

    async def retry(self, *, only_unsold, max_price):
        assert only_unsold  # what was bought is not bought again
        self.limits.append(max_price)
        self._sell()

    def _sell(self):
        count = self.sold.pop(0) if self.sold else 0
        if not count:
            raise OrderRefused("nobody sells it.")
        self.runs += [None] * count

    async def as_completed(self):
        if self.away:
            raise self.away.pop()
        for index in range(len(self.names)):
            bought = index < len(self.runs)
            result = SimpleNamespace(files={"result.json": b"%d" % index}) if bought else None
            yield ShardOutcome(index, "", None, result, None if bought else OrderRefused("no task was bought."))


async def buy(market, max_price=None, journal=None):
    async def pause(seconds):
        pass

    terms = PurchaseTerms("ados", "stations", 6, "0xfeed", max_price)
    return await NetworkBuyer(market, terms, pause).buy(FOR_FEED, journal or Journal())


async def test_the_rest_of_a_window_that_is_sold_in_part_is_bought_within_its_price():
    market, journal = Market(1, 0, 1, 0, 0, 1), Journal()
    ended = await buy(market, Amount(100), journal)
    assert (ended.state, ended.bag) == ("answered", "bag")
    assert market.limits == [95, 95, 90, 90, 90]
    assert journal.results == {"a": b"0", "b": b"1", "c": b"2"}
    assert [each.bag for each in journal.records] == ["bag"]


async def test_a_window_whose_rest_nobody_sells_keeps_the_answers_that_were_bought():
    market, journal = Market(2), Journal()
    ended = await buy(market, None, journal)
    assert (ended.state, ended.reason) == ("failed", "no task was bought.")
    assert (market.limits, journal.results) == ([None] * ATTEMPTS, {"a": b"0", "b": b"1"})


async def test_a_window_that_nobody_sells_is_refused():
    ended = await buy(Market())
    assert ended == msgspec.structs.replace(FOR_FEED, state="refused", reason="nobody sells it.")


async def test_a_journal_that_cannot_be_written_ends_the_watch_and_not_the_window():
    journal = Journal()
    journal.full = True
    with pytest.raises(InputRefused, match="journal"):
        await buy(Market(3), None, journal)
