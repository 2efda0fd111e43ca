"""The terms of a watch by its options, and its start over the network's names."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import ClassVar

import msgspec
import pytest

from sealgrid.ados.folder_lock import hold_folder
from sealgrid.ados.watch import assembly, watcher
from sealgrid.ados.watch.assembly import WatchOptions, schedule_terms, watch
from sealgrid.ados.watch.buyer import PurchaseTerms
from sealgrid.ados.watch.spool import MessageSpool
from sealgrid.errors import InputRefused
from sealgrid.shipped_apps.ados.quality.score import ROWS_AFTER, ROWS_BEFORE


class Names:
    """What the names of a network stand for."""

    def __init__(self, address):
        self.address = address

    async def show(self, name):
        return SimpleNamespace(address=self.address)


def options(tmp_path, source="day.csv", **changes):
    purchase = PurchaseTerms("ados", "stations", changes.pop("rows", 6), changes.pop("feed", None))
    return WatchOptions(str(source), tmp_path / "journal", purchase, 600, **changes)


@pytest.mark.parametrize("rows", [1, 6, 100])
def test_by_default_a_run_has_all_rows_on_which_its_scores_depend(tmp_path, rows):
    terms = schedule_terms(options(tmp_path, rows=rows))
    assert (terms.before * rows >= ROWS_BEFORE, (terms.before - 1) * rows < ROWS_BEFORE) == (True, True)
    assert (terms.after * rows >= ROWS_AFTER, (terms.after - 1) * rows < ROWS_AFTER) == (True, True)
    assert (terms.grace, terms.signed) == (600, False)
    assert schedule_terms(options(tmp_path, feed="0xfeed", after=0)).signed


async def test_a_watch_keeps_the_addresses_of_its_first_start_and_the_place_where_it_began(tmp_path, monkeypatch):
    bought = []

    class Buyer:
        def __init__(self, client, terms):
            bought.append((terms.app, terms.model))

        async def roster(self):
            return None

        async def buy(self, record, journal):
            raise AssertionError("all readings are older than the first window")

    monkeypatch.setattr(assembly, "NetworkBuyer", Buyer)
    (tmp_path / "day.csv").write_text("time,sensor,value\n0,a,1\n600,a,2\n")
    for address, now in (("0x1", 1e9), ("0x2", 2e9)):
        client = SimpleNamespace(apps=Names(address), models=Names(address))
        begin = options(tmp_path, tmp_path / "day.csv", once=True)
        assert await watch(client, begin, clock=lambda now=now: now, report=print)
    assert bought == [("0x1", "0x1")] * 2


async def test_a_broker_has_no_end(tmp_path):
    with pytest.raises(InputRefused, match="a broker has none"):
        await watch(None, options(tmp_path, "mqtt://b/t", once=True), clock=lambda: 0.0, report=print)


async def test_a_journal_has_one_watch_at_a_time(tmp_path):
    (tmp_path / "journal").mkdir()
    with hold_folder(tmp_path / "journal", ""), pytest.raises(InputRefused, match="another process watches"):
        await watch(None, options(tmp_path), clock=lambda: 0.0, report=print)


async def test_a_password_in_an_address_is_written_nowhere(tmp_path):
    with pytest.raises(InputRefused, match="no password"):
        await watch(None, options(tmp_path, "mqtt://me:secret@b/t"), clock=lambda: 0.0, report=print)
    assert not (tmp_path / "journal").exists()
    assert "secret" not in repr(options(tmp_path, broker_password="secret"))


@pytest.mark.parametrize(("state", "is_good"), [("answered", True), ("failed", False), ("refused", False)])
async def test_a_watch_says_whether_a_window_of_its_run_failed(tmp_path, monkeypatch, state, is_good):
    class Buyer(CountingBuyer):
        async def buy(self, record, journal):
            return msgspec.structs.replace(record, state=state)

    monkeypatch.setattr(assembly, "NetworkBuyer", Buyer)
    (tmp_path / "day.csv").write_text("time,sensor,value\n0,a,1\n600,a,2\n")
    client = SimpleNamespace(apps=Names("0x1"), models=Names("0x2"))
    begin = options(tmp_path, tmp_path / "day.csv", once=True, since=0.0)
    assert await watch(client, begin, clock=lambda: 1e6, report=print) == is_good
    assert await watch(client, begin, clock=lambda: 1e6, report=print)  # the next one of cron


class CountingBuyer:
    """Buys each window once, by its key; like a network, for all processes of a test."""

    bought: ClassVar[dict[str, list]] = {}

    def __init__(self, client, terms):
        self.terms = terms

    async def roster(self):
        return None

    async def buy(self, record, journal):
        content = journal.content(record.window)
        CountingBuyer.bought.setdefault(journal.purchase_key(record.window), []).append(json.loads(content)["readings"])
        return msgspec.structs.replace(record, state="answered")


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_messages_of_a_broker_are_bought_in_windows_also_those_of_an_absence(
    broker, publish, tmp_path, monkeypatch
):
    monkeypatch.setattr(assembly, "NetworkBuyer", CountingBuyer)
    monkeypatch.setattr(watcher, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(CountingBuyer, "bought", {})
    clock, lines = [1_000_000_800.0], []  # it begins with a window
    begin = options(tmp_path, f"mqtt://{broker.host}:{broker.port}/stations/a", after=0, grace=0.0)
    client = SimpleNamespace(apps=Names("0x1"), models=Names("0x1"))

    @asynccontextmanager
    async def process():
        task = asyncio.create_task(watch(client, begin, clock=lambda: clock[0], report=lines.append))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def reading():
        return {"time": clock[0], "sensor": "a", "value": 1}

    def spooled():
        return len(list(MessageSpool(tmp_path / "journal" / "spool").recent()))

    async with process():
        await until(lambda: any("receiving" in line for line in lines))
        await publish(json.dumps(reading()))
        await until(lambda: spooled() == 1)
        clock[0] += 3600.0
        await until(lambda: len(CountingBuyer.bought) == 1)
    await publish(json.dumps(reading()))
    async with process():
        await until(lambda: spooled() == 2)
        clock[0] += 3600.0
        await until(lambda: len(CountingBuyer.bought) == 2)
    [first], [second] = CountingBuyer.bought.values()
    assert [each["received"] for each in first] == [1_000_000_800.0]
    assert [each["time"] for each in second] == [1_000_000_800.0, 1_000_004_400.0]  # the first one is context
