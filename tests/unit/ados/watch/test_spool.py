"""A spool of messages: durable lines in segments, read as one stream, cut where a crash tore them."""

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.ados.watch import spool as spool_module
from sealgrid.ados.watch.spool import MessageSpool, SpooledMessage


def message(number, text=None):
    body = f'{{"time": {number}, "sensor": "a", "value": 1}}' if text is None else text
    return SpooledMessage(arrived=100.0 + number, topic="t", number=number, text=body)


def times(records):
    return [reading.time for record in records for reading in record.readings]


def test_messages_are_read_in_order_over_segments_also_by_another_process(tmp_path):
    spool = MessageSpool(tmp_path, segment_bytes=200)
    for number in range(9):
        spool.append([message(number)])
    assert len(list(tmp_path.glob("*.jsonl"))) > 2
    records = spool.read()
    assert times(records) == list(range(9))
    assert (records[3].readings[0].received, spool.unread) == (103.0, 0)
    again = MessageSpool(tmp_path, records[4].position, segment_bytes=200)
    assert times(again.read()) == [4, 5, 6, 7, 8]


def test_an_empty_spool_has_no_records(tmp_path):
    spool = MessageSpool(tmp_path, 7)
    assert (spool.read(), list(spool.recent()), spool.unread, spool.end) == ((), [], 0, 7)


def test_segments_that_nobody_needs_are_removed_and_positions_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "RECENT", 1)
    spool = MessageSpool(tmp_path, segment_bytes=200)
    for number in range(9):
        spool.append([message(number)])
    sixth = spool.read()[6]
    spool.remove_before(sixth.position)
    again = MessageSpool(tmp_path, sixth.position, segment_bytes=200)
    assert times(again.read()) == [6, 7, 8]
    assert times(MessageSpool(tmp_path, 0).read())[0] > 0
    assert len(list(tmp_path.glob("*.jsonl"))) < 5


def test_the_recent_messages_are_the_last_ones_over_segments_and_of_any_size(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "RECENT", 4)
    spool = MessageSpool(tmp_path, segment_bytes=200)
    for number in range(9):
        spool.append([message(number)])
    assert [each.number for each in spool.recent()] == [5, 6, 7, 8]
    spool.append([message(9, "x" * (3 << 20))])
    assert [each.number for each in spool.recent()] == [6, 7, 8, 9]
    spool.read()
    spool.remove_before(spool.end)  # all was read, and a broker may deliver the last ones again
    assert [each.number for each in MessageSpool(tmp_path, spool.end).recent()] == [6, 7, 8, 9]
    assert len(list(tmp_path.glob("*.jsonl"))) < 5


def test_a_line_that_a_crash_tore_was_not_acknowledged_and_is_cut(tmp_path):
    spool = MessageSpool(tmp_path)
    spool.append([message(1)])
    with (tmp_path / "0.jsonl").open("ab") as file:
        file.write(b'{"arrived": 1')
    again = MessageSpool(tmp_path)
    again.append([message(2)])
    assert times(again.read()) == [1, 2]
    assert [each.number for each in again.recent()] == [1, 2]


def test_a_message_that_is_no_reading_is_refused_alone(tmp_path):
    spool = MessageSpool(tmp_path)
    spool.append([message(1, "hello"), message(2)])
    with (tmp_path / "0.jsonl").open("ab") as file:
        file.write(b"broken\n")
    again = MessageSpool(tmp_path)
    records = again.read()
    assert [bool(each.refused) for each in records] == [True, False, True]


@settings(max_examples=30)
@given(st.lists(st.text(max_size=30), max_size=12), st.integers(1, 300), st.integers(0, 12))
def test_each_message_is_read_once_from_any_position_on(texts, segment, skipped):
    with tempfile.TemporaryDirectory() as folder:
        spool = MessageSpool(Path(folder), segment_bytes=segment)
        spool.append([message(n, text) for n, text in enumerate(texts)])
        records = spool.read()
        assert len(records) == len(texts)
        assert all(after.position == before.end for before, after in pairwise(records))
        at = records[skipped].position if skipped < len(records) else spool.end
        assert MessageSpool(Path(folder), at).read() == records[skipped:]
