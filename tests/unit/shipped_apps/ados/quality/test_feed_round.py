"""The round that a run of signed readings reports, through the app as its sandbox runs it."""

import json

import pytest

from tests.unit.shipped_apps.ados.models import SHIPPED_MODEL
from tests.unit.shipped_apps.ados.signed_readings import (
    DAY,
    MIDNIGHT,
    SENSORS,
    WINDOW,
    cells,
    changed,
    join_files,
    joined,
    key,
    roster,
    signed,
)
from tests.unit.shipped_apps.app_process import DEAL

GOOD = joined()


def callback(ran):
    data = json.loads(ran.files["computed.json"])["callback-data"]
    return bytes.fromhex(data[2:])


def test_signed_readings_give_a_result_and_a_round(run):
    ran = run(SHIPPED_MODEL, {"day.json": GOOD})
    assert (ran.code, ran.errors) == (0, "")
    assert ran.output_file == "result.json"
    told = ran.result["round"]
    assert (told["sensor"], told["station"]) == (SENSORS[0], key(0).address)
    assert told["end"] - told["start"] == WINDOW
    assert told["end"] == MIDNIGHT + 21 * WINDOW  # the last one that 15 later rows settled
    data = callback(ran)
    assert data[:96] == bytes.fromhex(DEAL[2:] + told["signed"][2:] + told["roster"][2:])
    assert data[96:101] == bytes([1]) + bytes(4)
    assert data[101:121].hex() == told["station"][2:]
    assert int.from_bytes(data[121:126], "big") == told["start"] // WINDOW
    assert data[126] == told["dqf"]


def test_a_rounds_quality_is_that_of_the_windows_readings(run):
    start = MIDNIGHT + 5 * WINDOW
    ran = run(SHIPPED_MODEL, {"day.json": GOOD}, ["--station", SENSORS[3], "--start", str(start)])
    told = ran.result["round"]
    rows = [int(row[SENSORS[3]]) for row in cells(ran.files["dqf.csv"])[30:36]]
    assert (told["sensor"], told["start"]) == (SENSORS[3], start)
    assert told["dqf"] == sum(rows) // 6


def test_unsigned_readings_give_no_callback(run):
    ran = run(SHIPPED_MODEL, {"readings": DAY})
    assert "callback-data" not in json.loads(ran.files["computed.json"])
    assert "round" not in ran.result
    bare = changed(GOOD, lambda document: document.pop("roster"))
    assert "callback-data" not in json.loads(run(SHIPPED_MODEL, {"day.json": bare}, at="bare").files["computed.json"])


def test_rows_of_a_window_that_nobody_measured_count_as_nothing(run):
    def keep_one_reading(document):
        document["readings"] = [{"time": MIDNIGHT + 7200, "sensor": SENSORS[0], "value": 50.0, "received": None}]

    lone = changed(signed(SENSORS[0]), keep_one_reading)
    content = join_files([signed(SENSORS[0], content=lone)], roster())
    told = run(SHIPPED_MODEL, {"day.json": content}).result["round"]
    assert told["dqf"] <= 100 // 6
    assert told["reason"] == "missing"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--station", "station-020"], "no station of the model signed"),
        (["--start", "3600"], "no station of the model signed"),
        (["--window", "12"], "it needs windows of 7200 s"),
    ],
    ids=["station", "start", "window"],
)
def test_a_round_that_the_file_does_not_have_is_refused(run, arguments, reason):
    ran = run(SHIPPED_MODEL, {"day.json": GOOD}, arguments)
    assert ran.code == 2
    assert reason in ran.errors
    assert ran.files == {}
