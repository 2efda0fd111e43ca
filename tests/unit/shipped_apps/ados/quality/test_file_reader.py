import json
import math

import pytest

from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file

NOON = 1_767_268_800  #: 1 January 2026, 12:00 UTC


def read(text):
    found = read_file(text.encode() if isinstance(text, str) else text)
    return [
        (time, found.sensors[number], value)
        for time, number, value in zip(found.times, found.numbers, found.values, strict=True)
    ]


WIDE = "time,a,b\n2026-01-01T12:00:00Z,1.5,2\n2026-01-01T12:10:00Z,1.6,\n"
EXPECTED = [(NOON, "a", 1.5), (NOON, "b", 2.0), (NOON + 600, "a", 1.6)]


def present(rows):
    return [row for row in rows if not math.isnan(row[2])]


@pytest.mark.parametrize(
    "text",
    [
        WIDE,
        "\ufeff" + WIDE,
        WIDE.encode("utf-16"),
        WIDE.replace("\n", "\r\n"),
        WIDE.replace(",", "\t"),
        WIDE.replace(",", ";").replace("1.5", "1,5").replace("1.6", "1,6"),
        WIDE.replace("2026-01-01T12:00:00Z", str(NOON)).replace("2026-01-01T12:10:00Z", f"{NOON + 600}000"),
        WIDE.replace("Z", "").replace("T", " "),
        WIDE.replace("12:00:00Z", "13:00:00+01:00"),
        "Timestamp,Station,Value\n" + "".join(f"{time},{name},{value}\n" for time, name, value in EXPECTED),
        json.dumps([{"time": time, "sensor": name, "value": value} for time, name, value in EXPECTED]),
        json.dumps({"readings": [{"time": NOON, "a": 1.5, "b": 2}, {"time": NOON + 600, "a": 1.6, "b": None}]}),
        json.dumps([{"bn": "", "bt": NOON, "n": "a", "v": 1.5}, {"n": "b", "v": 2}, {"n": "a", "t": 600, "v": 1.6}]),
    ],
    ids=range(13),
)
def test_each_format_gives_the_same_readings(text):
    assert present(read(text)) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        "# a station's export\nStation report\n\n" + WIDE,
        "sep=;\n" + WIDE.replace(",", ";"),
        WIDE.replace("\n", "\nUTC,°C,%\n", 1),
        WIDE.replace("\n", ",\n"),
        "".join(f"{number},{line}\n" for number, line in zip(("", 0, 1), WIDE.splitlines(), strict=True)),
        WIDE.replace("time", "Timestamp (UTC)"),
        WIDE.replace("2026-01-01T12:00:00Z", "01.01.2026 12:00").replace("2026-01-01T12:10:00Z", "2026/1/1 12:10:00"),
        WIDE.replace("2026-01-01T12:00:00Z", "202601011200").replace("2026-01-01T12:10:00Z", "20260101121000"),
        WIDE.replace("2026-01-01T12:00:00Z", f"{NOON}000000").replace("2026-01-01T12:10:00Z", f"{NOON + 600}000000000"),
        WIDE.replace("T", " ").replace("Z", " UTC"),
        WIDE.replace("time", "date,time").replace("2026-01-01T", "2026-01-01,").replace("Z", ""),
        "_time,_field,_value\n" + "".join(f"{time},{name},{value}\n" for time, name, value in EXPECTED),
        "\n".join(json.dumps({"time": time, "sensor": name, "value": value}) for time, name, value in EXPECTED),
        json.dumps({"data": [{"time": 20260101120000, "a": 1.5, "b": 2}, {"time": 20260101121000, "a": 1.6}]}),
    ],
    ids=range(14),
)
def test_other_exports_give_the_same_readings(text):
    assert present(read(text)) == EXPECTED


def test_numbers_with_marks_between_thousands_are_read():
    assert [row[2] for row in read(f'time,a,b\n{NOON},"-1,001.5",\N{MINUS SIGN}2\n')] == [-1001.5, -2.0]
    assert [row[2] for row in read(f"time;a\n{NOON};-1.001,5\n")] == [-1001.5]


def test_a_table_that_names_sensors_and_no_values_is_refused():
    with pytest.raises(ReadingsRefused, match="no column of values; call one 'value'"):
        read(f"time,sensor,temperature\n{NOON},a,1\n")


@pytest.mark.parametrize("cell", ["", " ", "NaN", "null", "NA", "-", "--", "#N/A", "no data", "ERROR"])
def test_an_empty_cell_is_a_missing_reading(cell):
    (row,) = read(f"time,a\n{NOON},{cell}\n")
    assert math.isnan(row[2])


def test_senml_resolves_base_fields():
    """The second example of RFC 8428, section 5.1.2, with an absolute time."""
    pack = [
        {
            "bn": "urn:dev:ow:10e2073a0108006:",
            "bt": 1.276020076001e9,
            "bu": "A",
            "bver": 5,
            "n": "voltage",
            "u": "V",
            "v": 120.1,
        },
        {"n": "current", "t": -5, "v": 1.2},
        {"n": "current", "t": -4, "v": 1.3},
    ]
    assert read(json.dumps(pack)) == [
        (1276020076.001, "urn:dev:ow:10e2073a0108006:voltage", 120.1),
        (1276020071.001, "urn:dev:ow:10e2073a0108006:current", 1.2),
        (1276020072.001, "urn:dev:ow:10e2073a0108006:current", 1.3),
    ]


def test_senml_adds_base_values_and_reads_booleans():
    pack = [{"bn": "a", "bt": NOON, "bv": 20.0}, {"v": 1.5}, {"n": "b", "vb": True}, {"n": "c", "s": 5.0}]
    assert read(json.dumps(pack)) == [(NOON, "a", 21.5), (NOON, "ab", 1.0)]


def test_the_time_of_arrival_is_read():
    received = read_file(f"time,received,a\n{NOON},{NOON + 30},1\n{NOON + 600},,1\n".encode()).received
    assert received[0] == NOON + 30
    assert math.isnan(received[1])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no column of times"),
        ("time,a\n", "no readings"),
        ("when,a\n1,2\n", "names no column of times"),
        ("time,a,a\n1,2,3\n", "same name twice"),
        ("time\n1\n", "names no sensor"),
        (WIDE + "2026-01-01T12:20:00Z,1\n", "line 4: there are 2 cells, and 3 names"),
        (WIDE + "2026-01-01T12:20:00Z,1,2,3\n", "line 4: there are 4 cells"),
        (f"time,a\n{NOON},warm\n", "line 2: 'warm' is not a number"),
        ("time,a\nyesterday,1\n", "line 2: 'yesterday' is not a time"),
        ("time,a\nyesterday,warm\n", "line 2: 'yesterday' is not a time"),
        (f"time,a\n{NOON},1\ntime,a\n{NOON},1\n", "line 3: 'time' is not a time"),
        ("time,a\n46054.5,1\n", "a spreadsheet's number of a day"),
        ("time,a\n-5,1\n", "not between 1970 and 2100"),
        ("time,a\n9999-01-01,1\n", "not between 1970 and 2100"),
        ("time,a\nnan,1\n", "not between 1970 and 2100"),
        (f'time,a\n{NOON},"1\n', "the table is damaged"),
        ("time," + "x" * 300 + f"\n{NOON},1\n", "a sensor's name"),
        (b"\x89PNG\r\n\x1a\n\xff", "not text in UTF-8"),
        (b"time,a\0\n", "NUL bytes"),
        ("[1, 2", "damaged JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("{}", "not a list of readings"),
        ("[]", "no readings"),
        ("[3]", "record 1 is not an object"),
        ('[{"sensor": "a", "value": 1}]', "record 1 has no 'time'"),
        (f'[{{"time": {NOON}, "sensor": "a", "value": [1]}}]', "neither a number nor missing"),
        ('[{"time": null, "sensor": "a", "value": 1}]', "a reading has no time"),
        ('[{"n": "a", "v": 1}]', "relative to now"),
        (f'[{{"bn": "a", "bt": {NOON}, "vs": "on"}}]', "a text or data"),
        (f'[{{"bn": "a", "bt": {NOON}, "v": "1"}}]', "v is not a number"),
        (f'[{{"bn": "a", "bt": {NOON}, "bver": 11, "v": 1}}]', "version 11"),
        (f'[{{"bn": "a", "bt": {NOON}, "v": 1, "unit_": 1}}]', "must be understood"),
        (f'[{{"bt": {NOON}, "v": 1}}]', "a sensor's name"),
        (f'[{{"bn": 3, "bt": {NOON}, "v": 1}}]', "bn is not a text"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place_and_what_is_wrong(content, reason):
    with pytest.raises(ReadingsRefused, match=reason):
        read(content)


def test_values_beyond_all_bounds_are_read_as_such():
    assert [row[2] for row in read(f"time,a\n{NOON},1e999\n{NOON + 600},-1e999\n")] == [math.inf, -math.inf]
    assert read(f'[{{"time": {NOON}, "sensor": "a", "value": 1{"0" * 400}}}]')[0][2] == math.inf
