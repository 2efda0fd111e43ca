"""The file of a window's run: with a roster, only windows whose signatures hold."""

import json

import pytest

from sealgrid.ados.signing import SigningTerms, sign_readings
from sealgrid.ados.watch.run_file import run_file
from sealgrid.ados.watch.schedule import RecordsRead, ScheduleCheckpoint, ScheduleTerms, SourceDrained, WindowSchedule
from sealgrid.ados.watch.stream import read_record
from sealgrid.crypto.signing import SigningKey
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed

START = 1_772_064_000
CSV = "time,sensor,value\n" + "".join(
    f"{START + 600 * row},{sensor},{row + 0.1}\n" for row in range(12) for sensor in ("a", "b")
)
KEYS = {sensor: SigningKey.from_bytes(bytes([5]) * 31 + sensor.encode()) for sensor in ("a", "b")}
ROSTER = {
    "chain": 1,
    "feed": "0x" + "fe" * 20,
    "stations": [{"sensor": name, "station": key.address} for name, key in KEYS.items()],
}
WINDOW = START // 3600


def submitted(*lines, signed=True):
    terms = ScheduleTerms(interval=600, rows=6, before=1, after=1, grace=0, signed=signed)
    schedule = WindowSchedule(terms, ScheduleCheckpoint(next_window=WINDOW))
    schedule.handle(RecordsRead(tuple(read_record(line, "", n) for n, line in enumerate(lines)), START + 7200.0))
    return schedule.handle(SourceDrained(START + 3 * 3600.0))[0], terms


def signed_line(sensor, key=None):
    return sign_readings(CSV.encode(), key or KEYS[sensor], SigningTerms(sensor, 600, 6)).strip()


def test_signed_windows_are_joined_for_the_app_and_name_the_stations_of_the_window():
    file = run_file(*submitted(signed_line("b"), signed_line("a")), ROSTER)
    verified = read_signed(file.content, read_file(file.content))
    assert [(each.sensor, each.start) for each in verified.windows] == [
        ("b", START),
        ("b", START + 3600),
        ("a", START),
        ("a", START + 3600),
    ]
    assert (file.stations, file.dropped, verified.unsigned) == (("a", "b"), 0, 0)


@pytest.mark.parametrize("fault", ["foreign key", "changed reading"])
def test_a_window_whose_signature_does_not_hold_is_left_out(fault):
    line = signed_line("b", SigningKey.from_bytes(b"\x07" * 32)) if fault == "foreign key" else signed_line("b")
    if fault == "changed reading":
        document = json.loads(line)
        document["readings"][0]["value"] = 99
        line = json.dumps(document).encode()
    file = run_file(*submitted(signed_line("a"), line), ROSTER)
    assert file.stations == ("a",)
    assert file.dropped == (2 if fault == "foreign key" else 1)
    assert read_signed(file.content, read_file(file.content)) is not None


def test_without_a_feed_all_readings_are_in_the_file_missing_ones_too():
    lines = [b'[{"time": %d, "sensor": "a", "value": null, "received": %d}]' % (START, START + 5)]
    file = run_file(*submitted(*lines, signed=False))
    assert json.loads(file.content) == {
        "readings": [{"time": START, "sensor": "a", "value": None, "received": START + 5}]
    }
    assert file.stations == ()
