"""A worker ends at its limits, and takes jobs in its hours and while others do not use the machine."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.worker.limits import MachineUse, WorkLimits, parse_hours

IDLE = MachineUse(load=0.1, users=0)


def at_hour(hour: int) -> float:
    return time.mktime((2026, 11, 29, hour, 30, 0, 0, 0, -1))


@given(started=st.integers(0, 10**6), idle=st.floats(0, 1e9), load=st.floats(0, 100), users=st.integers(0, 9))
def test_without_limits_a_worker_never_ends_and_always_takes_jobs(started, idle, load, users):
    limits = WorkLimits()
    assert not limits.ends(started=started, idle_since=0.0, now=idle)
    assert limits.may_take(idle, MachineUse(load=load, users=users))


def test_a_worker_ends_after_its_jobs_its_idle_time_or_its_end():
    assert WorkLimits(max_jobs=2).ends(started=2, idle_since=0.0, now=0.0)
    assert not WorkLimits(max_jobs=2).ends(started=1, idle_since=0.0, now=0.0)
    assert WorkLimits(idle_exit=60).ends(started=0, idle_since=10.0, now=70.0)
    assert not WorkLimits(idle_exit=60).ends(started=0, idle_since=10.0, now=69.0)
    assert WorkLimits(until=100).ends(started=0, idle_since=0.0, now=100.0)
    assert not WorkLimits(until=100).ends(started=0, idle_since=0.0, now=99.0)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"), [("22-6", (22, 23, 0, 5), (6, 12, 21)), ("9-17", (9, 16), (8, 17))]
)
def test_hours_may_span_midnight(hours, inside, outside):
    limits = WorkLimits(hours=parse_hours(hours))
    assert all(limits.may_take(at_hour(hour), IDLE) for hour in inside)
    assert not any(limits.may_take(at_hour(hour), IDLE) for hour in outside)


@pytest.mark.parametrize("text", ["", "22", "6-6", "22-25", "a-b", "22-6-7", "-1-5"])
def test_what_are_no_hours_is_refused(text):
    with pytest.raises(InputRefused, match="write them as 22-6"):
        parse_hours(text)


def test_when_idle_a_user_or_a_load_stops_the_worker():
    limits = WorkLimits(when_idle=True)
    assert limits.may_take(0.0, IDLE)
    assert not limits.may_take(0.0, MachineUse(load=0.1, users=1))
    assert not limits.may_take(0.0, MachineUse(load=0.9, users=0))
