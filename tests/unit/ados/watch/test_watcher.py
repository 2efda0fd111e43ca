"""A watch of a file: windows are journaled before they are bought, once each, over crashes at every step."""

import asyncio
import json
from dataclasses import replace

import msgspec
import pytest

from sealgrid.ados.signing import SigningTerms, sign_readings
from sealgrid.ados.watch.growing_file import GrowingFile
from sealgrid.ados.watch.journal import KEPT_WINDOWS, WatchIdentity, WatchJournal, WindowRecord
from sealgrid.ados.watch.run_file import RunFile
from sealgrid.ados.watch.schedule import ScheduleCheckpoint, ScheduleTerms, WindowSchedule
from sealgrid.ados.watch.watcher import Watcher
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused

TERMS = ScheduleTerms(interval=600, rows=6, before=1, after=0, grace=0, most_open=3)
HOURS = 6
IDENTITY = WatchIdentity(source="day.csv", app="ados", model="m", interval=600, rows=6, before=1, after=0)
STATION = SigningKey.from_bytes(b"\x05" * 32)
ROSTER = {"chain": 1, "feed": "0x" + "fe" * 20, "stations": [{"sensor": "a", "station": STATION.address}]}


class Killed(BaseException):
    """The process ends here."""


class CountingNetwork:
    """What a network does with an idempotency key: the first purchase counts. It may die at any step."""

    def __init__(self, dies_at=(), roster=None, state="answered"):
        self._roster, self._state = roster, state
        self.bought, self.calls, self.most, self._now, self._dies_at, self._steps = {}, 0, 0, 0, set(dies_at), 0

    async def roster(self):
        return self._roster

    async def buy(self, record, journal):
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            self._step()
            content = journal.content(record.window)
            assert self.bought.setdefault(journal.purchase_key(record.window), content) == content
            self.calls += 1
            self._step()
            await asyncio.sleep(0)
            journal.store_result(record.window, "", b"{}")
            return msgspec.structs.replace(record, state=self._state)
        finally:
            self._now -= 1

    def _step(self):
        self._steps += 1
        if self._steps in self._dies_at:
            raise Killed


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a watch of the file as a new process does."""
    path = tmp_path / "day.csv"
    rows = [f"{600 * row},a,{row}\n" for row in range(6 * HOURS)]
    path.write_text("time,sensor,value\n" + "".join(rows))

    def begin(network, now=3600.0 * HOURS, report=lambda line: None, at_once=2, keep=KEPT_WINDOWS):
        journal = WatchJournal(tmp_path / "journal", IDENTITY, keep)
        checkpoint = journal.checkpoint() or ScheduleCheckpoint(next_window=0)
        journal.begin(checkpoint)
        due = [each.window for each in journal.windows() if each.state == "due"]
        schedule = WindowSchedule(TERMS, checkpoint, due)
        source = GrowingFile(path, checkpoint.position)
        return journal, Watcher(source, schedule, journal, network, clock=lambda: now, report=report, at_once=at_once)

    return begin


async def test_every_window_of_a_file_is_bought_once_and_its_readings_are_removed(start, tmp_path):
    network, lines = CountingNetwork(), []
    journal, watcher = start(network, report=lines.append)
    await watcher.run(once=True)
    assert [(each.window, each.state) for each in journal.windows()] == [(n, "answered") for n in range(HOURS)]
    assert lines[0] == "1970-01-01T00:00:00Z  answered"
    assert list((tmp_path / "journal" / "windows").glob("*.readings")) == []
    assert network.calls == HOURS
    await start(network)[1].run(once=True)
    assert network.calls == HOURS


@pytest.mark.parametrize("dies_at", [{1}, {2}, {3, 7}, {4, 5, 9}, {6, 13}], ids=str)
async def test_a_watch_that_is_killed_continues_and_buys_nothing_twice(start, dies_at):
    network = CountingNetwork(dies_at)
    deaths = 0
    while True:
        journal, watcher = start(network)
        try:
            await watcher.run(once=True)
            break
        except Killed:
            deaths += 1
    assert deaths > 0
    assert [each.state for each in journal.windows()] == ["answered"] * HOURS
    assert len(network.bought) == HOURS


@pytest.mark.parametrize("written", ["0.readings", "0.json", "checkpoint.json"])
async def test_a_crash_between_two_files_of_the_journal_loses_and_doubles_no_window(start, monkeypatch, written):
    from sealgrid.ados.watch import journal as module

    write = module.write_private
    begun = []

    def write_and_die(path, content):
        write(path, content)
        begun.append(path.name)
        if path.name == written and begun.count(written) == 1 + (written == "checkpoint.json"):
            raise Killed

    network = CountingNetwork()
    monkeypatch.setattr(module, "write_private", write_and_die)
    with pytest.raises(Killed):
        await start(network)[1].run(once=True)
    monkeypatch.setattr(module, "write_private", write)
    journal, watcher = start(network)
    await watcher.run(once=True)
    assert [(each.window, each.state) for each in journal.windows()] == [(n, "answered") for n in range(HOURS)]
    assert (network.calls, len(network.bought)) == (HOURS, HOURS)


async def test_purchases_at_one_time_and_open_windows_are_bounded(start):
    network = CountingNetwork()
    journal, watcher = start(network, at_once=1)
    await watcher.step()
    assert [each.window for each in journal.windows()] == [0, 1, 2]  # no more are open, so reading has stopped
    await watcher.run(once=True)
    assert (network.most, network.calls) == (1, HOURS)


async def test_late_readings_are_counted_for_the_user(start, tmp_path):
    network, lines = CountingNetwork(), []
    await start(network)[1].run(once=True)
    with (tmp_path / "day.csv").open("a") as more:
        more.write("60,a,1\nnonsense\n")
    await start(network, report=lines.append)[1].run(once=True)
    assert lines == ["1 late readings so far", "1 refused lines so far"]


async def test_the_journal_of_another_watch_is_refused_and_so_is_a_damaged_one(start, tmp_path):
    start(CountingNetwork())
    other = msgspec.structs.replace(IDENTITY, model="other")
    with pytest.raises(InputRefused, match="other settings"):
        WatchJournal(tmp_path / "journal", other)
    (tmp_path / "journal" / "watch.json").write_text("{")
    with pytest.raises(InputRefused, match="restore it from your backup"):
        WatchJournal(tmp_path / "journal", IDENTITY)


async def test_a_forged_line_does_not_take_the_place_of_a_stations_window(tmp_path):
    """Who can write to the stream signs a station's window first, with a key of his own."""
    forged, genuine = (
        sign_readings(b"time,sensor,value\n0,a,%d\n" % value, key, SigningTerms("a", 600, 6))
        for value, key in ((7, SigningKey.generate()), (1, STATION))
    )
    (tmp_path / "day.jsonl").write_bytes(forged + genuine)
    journal = WatchJournal(tmp_path / "journal", IDENTITY)
    schedule = WindowSchedule(replace(TERMS, signed=True), ScheduleCheckpoint(next_window=0))
    network, lines = CountingNetwork(roster=ROSTER), []
    source = GrowingFile(tmp_path / "day.jsonl")
    watcher = Watcher(source, schedule, journal, network, clock=lambda: 7200.0, report=lines.append)
    await watcher.run(once=True)
    assert [(each.state, each.stations) for each in journal.windows()] == [("answered", ("a",))]
    [content] = network.bought.values()
    assert [each["value"] for each in json.loads(content)["readings"]] == [1]
    assert "1 unsigned readings so far" in lines


async def test_windows_that_fail_are_counted_in_the_run_in_which_they_failed(start):
    network = CountingNetwork(state="failed")
    _, watcher = start(network)
    await watcher.run(once=True)
    assert watcher.failures == HOURS
    _, again = start(network)
    await again.run(once=True)
    assert again.failures == 0


async def test_a_disk_that_is_full_ends_the_watch_before_anything_is_bought(start, monkeypatch):
    from sealgrid.ados.watch import journal as module

    network = CountingNetwork()
    _, watcher = start(network)

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_private", full)
    with pytest.raises(InputRefused, match="No space left"):
        await watcher.run(once=True)
    assert network.calls == 0


async def test_the_journal_keeps_the_newest_windows_with_their_answers_and_buys_none_again(start, tmp_path):
    network = CountingNetwork()
    journal, watcher = start(network, keep=2)
    await watcher.run(once=True)
    assert [each.window for each in journal.windows()] == [HOURS - 2, HOURS - 1]
    results = sorted(path.stem for path in (tmp_path / "journal" / "results").iterdir())
    assert results == [str(HOURS - 2), str(HOURS - 1)]
    await start(network, keep=1)[1].run(once=True)
    assert network.calls == HOURS


def test_a_window_without_an_end_is_kept_with_those_after_it(tmp_path):
    journal = WatchJournal(tmp_path / "journal", IDENTITY, keep=1)
    records = [WindowRecord(window=each, start=3600 * each, end=3600 * (each + 1)) for each in range(3)]
    for each in records:
        journal.store(each, RunFile(b"[]", (), 0), ScheduleCheckpoint(next_window=each.window + 1))
    journal.update(msgspec.structs.replace(records[1], state="answered"))
    assert [(each.window, each.state) for each in journal.windows()] == [(0, "due"), (1, "answered"), (2, "due")]
    journal.update(msgspec.structs.replace(records[0], state="answered"))
    assert [each.window for each in journal.windows()] == [2]
