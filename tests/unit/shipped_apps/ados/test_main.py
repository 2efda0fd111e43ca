import csv
import hashlib
import io
import subprocess
import sys

import pytest

from sealgrid.ados.generate import generate
from tests.unit.shipped_apps.ados.models import SHIPPED_MODEL
from tests.unit.shipped_apps.app_process import APPS, bundled

DAY = generate(1, 1, faults=True)
ROWS, STATIONS = 144, 20


def table(run, name):
    return list(csv.DictReader(io.StringIO(run.files[name].decode())))


def test_a_day_with_faults_is_scored(run):
    ran = run(SHIPPED_MODEL, {"readings": DAY.readings})
    assert (ran.code, ran.errors) == (0, "")
    assert ran.output_file == "result.json"
    result = ran.result
    assert (result["schema"], result["rows"], result["interval"]) == ("sealgrid/data-quality/1", ROWS, 600)
    assert result["first_time"] == "2026-02-26T00:00:00Z"
    assert result["windows"]["rows"] == 6
    assert [len(sensor["dqf"]) for sensor in result["windows"]["sensors"]] == [ROWS // 6] * STATIONS
    dqf, reasons = table(ran, "dqf.csv"), table(ran, "reasons.csv")
    faults = list(csv.DictReader(io.StringIO(DAY.labels.decode())))
    by_time = {row["time"]: row for row in dqf}
    found = [int(by_time[fault["time"]][fault["sensor"]]) <= 50 for fault in faults]
    assert sum(found) / len(found) > 0.8
    alarms = sum(int(cell) <= 50 for row in dqf for name, cell in row.items() if name != "time")
    assert alarms == sum(sensor["faulty"] for sensor in result["sensors"])
    assert alarms < 1.25 * len(faults)
    named = [cell for row in reasons for name, cell in row.items() if name != "time" and cell]
    assert len(named) == alarms
    assert {"point", "stuck", "missing", "late"} <= set(named)


def test_the_result_has_the_digests_of_the_tables_and_no_estimate(run):
    ran = run(SHIPPED_MODEL, {"readings": DAY.readings})
    for name in ("dqf.csv", "reasons.csv"):
        assert ran.result[name.replace(".", "_") + "_sha256"] == hashlib.sha256(ran.files[name]).hexdigest()
    assert set(ran.files) == {"result.json", "computed.json", "dqf.csv", "reasons.csv"}
    assert all(0 <= int(cell) <= 100 for row in table(ran, "dqf.csv") for name, cell in row.items() if name != "time")


def test_equal_inputs_give_equal_bytes(run):
    first, again = (run(SHIPPED_MODEL, {"readings": DAY.readings}, at=at).files for at in ("first", "again"))
    assert {name: first[name] for name in ("result.json", "dqf.csv", "reasons.csv")} == {
        name: again[name] for name in ("result.json", "dqf.csv", "reasons.csv")
    }


def test_windows_have_the_requested_rows_and_begin_at_their_multiples(run):
    rows = DAY.readings.split(b"\n")
    later = b"\n".join([rows[0], *(row for row in rows[1:] if row > b"2026-02-26T00:30")])
    windows = run(SHIPPED_MODEL, {"readings": later}, ["--window", "12"]).result["windows"]
    assert (windows["rows"], windows["first_time"]) == (12, "2026-02-26T00:00:00Z")
    assert len(windows["sensors"][0]["dqf"]) == 12


def test_ten_times_too_large_a_text_of_zeros_and_unknown_sensors_are_scored_or_named(run):
    readings = b"time,station-001,station-002,thermometer\n" + b"".join(
        b"%d,%d,0,20\n" % (1_772_064_000 + 600 * row, 500 if row == 20 else 50) for row in range(40)
    )
    result = run(SHIPPED_MODEL, {"readings": readings}).result
    assert result["unknown_sensors"] == ["thermometer"]
    by_name = {sensor["name"]: sensor for sensor in result["sensors"]}
    assert by_name["station-002"]["faulty"] == 40
    assert by_name["station-003"] == {"name": "station-003", "dqf": 0, "faulty": 40}


@pytest.mark.parametrize(
    ("dataset", "inputs", "arguments", "reason"),
    [
        (None, {"readings": b""}, (), "there is no model"),
        (SHIPPED_MODEL[:100], {"readings": DAY.readings}, (), "not an ONNX file"),
        (SHIPPED_MODEL, {}, (), "one file of readings, not 0"),
        (SHIPPED_MODEL, {"a": b"1", "b": b"2"}, (), "one file of readings, not 2"),
        (SHIPPED_MODEL, {"readings": b"time,station-001\n1,2,3\n"}, (), "line 2: there are 3 cells"),
        (SHIPPED_MODEL, {"readings": b"time,a\n1,2\n"}, (), "no sensor of the file is the model's"),
        (SHIPPED_MODEL, {"readings": DAY.readings}, ("--window", "0"), "--window ROWS"),
        (SHIPPED_MODEL, {"readings": DAY.readings}, ("--windows", "1"), "--window ROWS"),
    ],
    ids=range(8),
)
def test_what_is_invalid_ends_the_run_with_one_line(run, dataset, inputs, arguments, reason):
    ran = run(dataset, inputs, arguments)
    assert ran.code == 2
    assert reason in ran.errors
    assert ran.errors.count("\n") == 1
    assert ran.files == {}


WATCHED = """
import runpy, sys
sys.path[:0] = sys.argv[1:3]
started = []
sys.addaudithook(lambda event, found: started.append(event) if event in {"subprocess.Popen", "os.fork"} else None)
runpy.run_path(sys.argv[1] + "/main.py")
print(started)
"""


def test_it_starts_no_process_which_its_manifest_would_not_allow(wheels):
    command = [sys.executable, "-I", "-S", "-B", "-c", WATCHED, str(APPS / "ados"), str(wheels)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_its_bundle_names_the_wheels_that_it_needs():
    manifest = bundled("ados")[1].manifest
    assert [wheel.filename.split("-")[0] for wheel in manifest.wheels] == ["coincurve", "numpy", "pycryptodome"]
    assert all(
        entry.path.startswith("quality/") or entry.path in {"main.py", "README.md", "CHANGELOG.md"}
        for entry in manifest.files
    )
