"""Windows of a stream: due once, in order, with what was read before; late and misdated readings; crashes."""

import math

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.ados.watch.schedule import (
    RecordsRead,
    ScheduleCheckpoint,
    ScheduleTerms,
    SourceDrained,
    WindowEnded,
    WindowSchedule,
)
from sealgrid.ados.watch.stream import StationSignature, StreamRecord
from sealgrid.shipped_apps.ados.quality.messages import ReadingMessage

TERMS = ScheduleTerms(interval=10, rows=3, before=1, after=1, grace=5)  # windows of 30 seconds, due 35 after their end
LENGTH = 30


def record(position, *times, sensor="a", received=math.nan):
    return StreamRecord(
        position, position + 1, tuple(ReadingMessage(float(time), sensor, 1.0, received) for time in times)
    )


def schedule(terms=TERMS, first=0, read_to=0):
    return WindowSchedule(terms, ScheduleCheckpoint(next_window=first, read_to=read_to))


def windows(effects):
    return [each.window for each in effects]


def test_a_window_is_due_after_the_windows_that_it_awaits_and_the_grace():
    stream = schedule()
    assert stream.handle(RecordsRead((record(0, 0, 10, 20), record(1, 30)), 1000.0)) == ()
    assert stream.handle(SourceDrained(64.0)) == ()
    (first,) = stream.handle(SourceDrained(65.0))
    assert (first.window, [each.time for each in first.readings]) == (0, [0, 10, 20, 30])
    assert first.checkpoint == ScheduleCheckpoint(next_window=1, position=0, read_to=2)


def test_an_old_file_is_replayed_by_its_own_times_and_not_by_the_clock():
    stream = schedule()
    assert stream.handle(RecordsRead((record(0, 0), record(1, 60)), 1e6)) == ()
    assert windows(stream.handle(RecordsRead((record(2, 20), record(3, 65)), 1e6))) == [0]
    assert stream.counts["late"] == 0


def test_the_time_of_arrival_and_not_a_sensors_clock_tells_what_is_late():
    stream = schedule()
    ahead = record(0, 500, received=20.0)
    assert stream.handle(RecordsRead((ahead, record(1, 0, received=25.0)), 600.0)) == ()
    assert stream.counts["late"] == 0


def test_a_reading_from_the_future_is_dropped_and_makes_nothing_due():
    stream = schedule()
    assert stream.handle(RecordsRead((record(0, 0), record(1, 5000)), 30.0)) == ()
    assert stream.counts["misdated"] == 1
    assert [each.time for each in stream.handle(SourceDrained(65.0))[0].readings] == [0]


def test_a_reading_of_a_submitted_window_is_late_and_dropped():
    stream = schedule()
    stream.handle(RecordsRead((record(0, 0),), 65.0))
    stream.handle(SourceDrained(65.0))
    stream.handle(RecordsRead((record(1, 10), record(2, 40)), 66.0))
    assert stream.counts["late"] == 1
    assert [each.time for each in stream.handle(SourceDrained(95.0))[0].readings] == [0, 40]


def test_windows_without_a_reading_are_passed():
    stream = schedule()
    assert stream.handle(SourceDrained(1e9)) == ()
    now = 1e9 + 1
    stream.handle(RecordsRead((record(0, now),), now))
    assert windows(stream.handle(SourceDrained(now + 65))) == [TERMS.window_of(now)]


def test_a_reading_belongs_to_the_window_of_its_nearest_slot():
    stream = schedule()
    stream.handle(RecordsRead((record(0, 24.9), record(1, 25)), 30.0))
    assert [each.window for each in stream.handle(SourceDrained(95.0))] == [0, 1]


def test_reading_stops_while_too_many_windows_are_open_and_continues_when_one_ends():
    stream = schedule(ScheduleTerms(interval=10, rows=3, before=0, after=0, grace=0, most_open=2))
    lines = tuple(record(number, number * LENGTH) for number in range(4))
    assert windows(stream.handle(RecordsRead(lines, 1e6))) == [0, 1]
    assert stream.is_full
    assert windows(stream.handle(WindowEnded(1))) == [2]
    assert stream.is_full
    stream.handle(WindowEnded(0))
    assert not stream.is_full


def test_too_many_readings_stop_the_source_until_the_clock_makes_their_window_due():
    stream = schedule(ScheduleTerms(interval=10, rows=3, before=0, after=0, grace=0, most_readings=3))
    stream.handle(RecordsRead((record(0, 0, 0, 1, 1),), 20.0))
    assert (stream.is_full, stream.kept) == (True, 4)
    assert windows(stream.handle(SourceDrained(30.0))) == [0]
    assert (stream.is_full, stream.kept) == (False, 0)


def test_after_a_restart_earlier_windows_are_context_and_not_late():
    stream = schedule(first=1, read_to=2)
    stream.handle(RecordsRead((record(0, 0), record(1, 30), record(2, 10)), 60.0))
    (second,) = stream.handle(SourceDrained(95.0))
    assert [each.time for each in second.readings] == [0, 30]
    assert stream.counts["late"] == 1


def signed(position, start, *times, sensor="a", end=None, interval=10):
    signature = StationSignature(sensor, interval, start, start + LENGTH if end is None else end, "0x")
    plain = record(position, *times, sensor=sensor)
    return StreamRecord(plain.position, plain.end, plain.readings, (signature,))


def test_of_signed_windows_the_first_counts_and_unsigned_readings_do_not():
    terms = ScheduleTerms(interval=10, rows=3, before=0, after=0, grace=0, signed=True)
    stream = WindowSchedule(terms, ScheduleCheckpoint(next_window=0))
    lines = (
        signed(0, 0, 0, 10),
        signed(1, 0, 20),  # a second time
        record(2, 20, sensor="b"),
        signed(3, 0, 20, sensor="c", end=60),  # no window of the watch
        signed(4, 0, 20, sensor="d", interval=5),
    )
    stream.handle(RecordsRead(lines, 20.0))
    (first,) = stream.handle(SourceDrained(30.0))
    assert [each.time for each in first.readings] == [0, 10]
    assert [each.sensor for each in first.signatures] == ["a"]
    assert (stream.counts["repeated"], stream.counts["unsigned"]) == (1, 3)


def test_a_signature_without_readings_is_not_kept():
    terms = ScheduleTerms(interval=10, rows=3, before=0, after=0, grace=0, signed=True)
    stream = WindowSchedule(terms, ScheduleCheckpoint(next_window=0))
    assert stream.handle(RecordsRead((signed(0, 10**12 * LENGTH), signed(1, 0)), 1e6)) == ()
    assert (stream.kept, stream.handle(SourceDrained(1e6))) == (0, ())


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.lists(st.integers(-90, 40), min_size=1, max_size=4)),
        st.tuples(st.just("future"), st.integers(1, 3)),
        st.tuples(st.just("drain"), st.integers(0, 120)),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("crash"), st.integers(0, 2)),
    ),
    max_size=30,
)


class WatchedStream:
    """A stream of records, what of it was stored, and the schedule that reads it, as the runner drives both."""

    def __init__(self):
        self.now, self.lines, self.lost = 300.0, [], set()
        self.stored, self.open = [], []
        self.durable = ScheduleCheckpoint(next_window=8)
        self.restart()

    def restart(self):
        terms = ScheduleTerms(interval=10, rows=3, before=1, after=1, grace=5, most_open=3)
        self.schedule = WindowSchedule(terms, self.durable, self.open)
        self.at = self.durable.position

    def apply(self, event, keep=None):
        for effect in self.schedule.handle(event)[:keep]:
            assert effect.window not in windows(self.stored), "a window was bought twice"
            self.stored.append(effect)
            self.open.append(effect.window)
            self.durable = effect.checkpoint

    def read(self, keep=None):
        if not self.schedule.is_full:
            records = tuple(self.lines[self.at :])
            self.at = len(self.lines)
            self.apply(RecordsRead(records, self.now), keep)


@given(ACTIONS)
def test_over_crashes_each_window_is_submitted_once_in_order_with_all_that_was_read_of_it(actions):
    stream = WatchedStream()
    for name, value in actions:
        if name == "read":
            stream.lines += [record(len(stream.lines) + n, stream.now + each) for n, each in enumerate(value)]
            stream.now += 40
            stream.read()
        elif name == "future":
            stream.lost |= {len(stream.lines)}
            stream.lines.append(record(len(stream.lines), stream.now + 1e5))
            stream.read()
        elif name == "drain":
            stream.now += value
            if stream.at == len(stream.lines):
                stream.apply(SourceDrained(stream.now))
        elif name == "end" and value < len(stream.open):
            stream.apply(WindowEnded(stream.open.pop(value)))
        elif name == "crash":  # after the first ``value`` effects of the last event were stored
            stream.now += 35
            stream.apply(SourceDrained(stream.now), value) if stream.at == len(stream.lines) else None
            stream.restart()
            stream.read()
        assert len(stream.open) <= 3
    assert windows(stream.stored) == sorted(windows(stream.stored))
    for effect in stream.stored:
        chosen = [TERMS.window_of(each.time) for each in effect.readings]
        assert set(chosen) <= {effect.window - 1, effect.window, effect.window + 1}
        own = [each.time for each in effect.readings if TERMS.window_of(each.time) == effect.window]
        before = stream.lines[: effect.checkpoint.read_to]
        expected = [
            each.readings[0].time
            for each in before
            if each.position not in stream.lost and TERMS.window_of(each.readings[0].time) == effect.window
        ]
        assert own == expected
