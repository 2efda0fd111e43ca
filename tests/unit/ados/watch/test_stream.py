"""Lines of a stream as records; a line that is none is refused alone."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.ados.watch.stream import MAX_LINE, read_record

SIGNATURE = {"sensor": "a", "interval": 600, "start": 0, "end": 3600, "signature": "0x12"}


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        ("time,sensor,value", "60,a,1.5", [(60, "a", 1.5)]),
        ("time;a;b", "60;1,5;2", [(60, "a", 1.5), (60, "b", 2)]),
        ("", '{"time": 60, "sensor": "a", "value": 1.5}', [(60, "a", 1.5)]),
        (
            "",
            '[{"time": 60, "sensor": "a", "value": 1}, {"time": 70, "sensor": "b", "value": 2}]',
            [(60, "a", 1), (70, "b", 2)],
        ),
        ("", '[{"bn": "urn:", "n": "a", "t": 1772064000, "v": 1}]', [(1772064000, "urn:a", 1)]),
        ("", json.dumps({"readings": [{"time": 60, "sensor": "a", "value": 1}]}), [(60, "a", 1)]),
    ],
    ids=["csv", "wide", "record", "list", "senml", "file"],
)
def test_a_line_has_readings_in_each_format(header, line, expected):
    record = read_record(line.encode(), header, 7)
    assert record.refused == ""
    assert (record.position, record.end) == (7, 8 + len(line))
    assert [each[:3] for each in record.readings] == expected


def test_the_signatures_of_a_station_come_with_its_readings_and_cover_their_arrival():
    line = json.dumps({"readings": [{"time": 60, "sensor": "a", "value": 1}], "signatures": [SIGNATURE]})
    record = read_record(line.encode(), "", 0, arrival=99.0)
    assert [each.document() for each in record.signatures] == [SIGNATURE]
    assert math.isnan(record.readings[0].received)


def test_readings_without_a_time_of_arrival_get_that_of_the_message():
    arrived = read_record(
        b'[{"time":1,"sensor":"a","value":1},{"time":1,"sensor":"b","value":1,"received":5}]', "", 0, arrival=9.0
    )
    assert [each.received for each in arrived.readings] == [9.0, 5.0]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"yesterday,a,1",
        b"60,a",
        b"{",
        b'{"readings": 1}',
        b'[{"sensor": "a"}]',
        b'{"readings": [], "signatures": [{"sensor": "a"}]}',
        b'{"readings": [], "signatures": 1}',
        b"1" * (MAX_LINE + 1),
    ],
    ids=range(9),
)
def test_a_damaged_line_is_refused_with_its_reason_and_never_raises(line):
    record = read_record(line, "time,sensor,value", 0)
    assert record.refused
    assert record.readings == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["time", "sensor", "value", "readings", "signatures", "n", "t", "v"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.binary(max_size=40) | JSON.map(lambda document: json.dumps(document).encode()))
def test_no_line_raises(line):
    record = read_record(line, "time,sensor,value", 3, arrival=5.0)
    assert (record.position, record.end) == (3, 4 + len(line))
    assert not (record.refused and record.readings)
