"""The journal of a watch: it continues where it ended, belongs to one watch, and keeps no readings of the past."""

import msgspec
import pytest

from sealgrid.ados.watch.journal import WatchAssets, WatchIdentity, WatchJournal, WindowRecord
from sealgrid.ados.watch.run_file import RunFile
from sealgrid.ados.watch.schedule import ScheduleCheckpoint
from sealgrid.errors import InputRefused

IDENTITY = WatchIdentity(source="day.csv", app="ados", model="m", interval=600, rows=6, before=1, after=0)
ASSETS = WatchAssets(app="0x" + "a1" * 20, model="0x" + "b2" * 20)
READINGS = RunFile(b"time,sensor,value\n", ())


def due(window):
    return WindowRecord(window=window, start=3600 * window, end=3600 * (window + 1))


def begun(folder, *windows):
    journal = WatchJournal(folder, IDENTITY)
    for window in windows:
        journal.store(due(window), READINGS, ScheduleCheckpoint(next_window=window + 1, position=10 * window))
    return journal


def test_a_later_start_finds_keys_addresses_and_windows(tmp_path):
    first = begun(tmp_path, 9, 10)
    first.pin(ASSETS)
    again = WatchJournal(tmp_path, IDENTITY)
    assert (again.assets, again.purchase_key(9)) == (ASSETS, first.purchase_key(9))
    assert again.purchase_key(9) != again.purchase_key(10)
    assert [each.window for each in again.windows()] == [9, 10], "by number, not by name"
    assert again.checkpoint() == ScheduleCheckpoint(next_window=11, position=100)


def test_two_watches_have_different_keys(tmp_path):
    one, other = (WatchJournal(tmp_path / name, IDENTITY) for name in "ab")
    assert one.purchase_key(0) != other.purchase_key(0)


def test_a_window_that_was_stored_before_a_crash_is_not_due_again(tmp_path):
    journal = begun(tmp_path, 4)
    journal.begin(ScheduleCheckpoint(next_window=4))  # the crash came before the checkpoint
    assert journal.checkpoint().next_window == 5


def test_the_readings_of_a_window_are_kept_until_it_ends(tmp_path):
    journal = begun(tmp_path, 4)
    journal.update(msgspec.structs.replace(due(4), bag="bag"))
    assert journal.content(4) == READINGS.content
    journal.update(msgspec.structs.replace(due(4), state="answered"))
    with pytest.raises(InputRefused, match="cannot be read"):
        journal.content(4)


def test_a_station_cannot_name_a_file_outside_the_results(tmp_path):
    begun(tmp_path).store_result(4, "../../évil", b"{}")
    assert [each.name for each in (tmp_path / "results").iterdir()] == ["4-.._.._évil.json"]


def test_the_journal_of_other_settings_is_refused(tmp_path):
    begun(tmp_path)
    with pytest.raises(InputRefused, match="a watch with other settings"):
        WatchJournal(tmp_path, msgspec.structs.replace(IDENTITY, model="other"))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"identity": 1}', b"\xff"])
def test_a_damaged_journal_is_refused(tmp_path, content):
    begun(tmp_path)
    (tmp_path / "watch.json").write_bytes(content)
    with pytest.raises(InputRefused, match="not a valid file of a watch"):
        WatchJournal(tmp_path, IDENTITY)


def test_all_files_are_private(tmp_path):
    begun(tmp_path, 4).store_result(4, "", b"{}")
    assert {each.stat().st_mode & 0o777 for each in tmp_path.rglob("*") if each.is_file()} == {0o600}
