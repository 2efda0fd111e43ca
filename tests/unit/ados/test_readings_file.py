"""Files of readings outside the enclave: what is written is read again, and the interval is that of most readings."""

from dataclasses import replace

import numpy as np
import pytest

from sealgrid.ados.readings_file import iso_time, read_for_training, write_csv
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.readings import Readings

NOON = 1_767_268_800  #: 1 January 2026, 12:00 UTC
VALUES = np.array([[1_500_000, 0], [-2, 3_000_001]], dtype=np.int64)
NONE = np.zeros_like(VALUES)
READINGS = Readings(
    sensors=("a", "b"),
    interval=600,
    first_slot=NOON // 600,
    values=VALUES,
    present=np.array([[True, False], [True, True]]),
    delays=NONE,
    copies=NONE,
)


def test_what_is_written_is_read_for_training():
    found = read_for_training(write_csv(READINGS))
    assert (found.sensors, found.interval, found.first_slot) == (READINGS.sensors, 600, READINGS.first_slot)
    assert (found.values.tolist(), found.present.tolist()) == (VALUES.tolist(), READINGS.present.tolist())


def test_delays_and_copies_are_written():
    late = np.array([[90, 0], [0, 0]], dtype=np.int64)
    lines = write_csv(replace(READINGS, delays=late, copies=late // 45)).decode().splitlines()
    assert lines[1] == "2026-01-01T12:00:00Z,a,1.5,2026-01-01T12:01:30Z"
    assert lines[1:4] == [lines[1]] * 3
    assert len(lines) == 1 + 3 + 2


@pytest.mark.parametrize(("minutes", "interval"), [((0, 10, 20, 50), 600), ((0, 1, 31, 61), 1800)])
def test_the_interval_is_the_most_frequent_distance_of_two_times(minutes, interval):
    rows = "".join(f"{iso_time(NOON + 60 * minute)},a,1\n" for minute in minutes)
    assert read_for_training(f"time,sensor,value\n{rows}".encode()).interval == interval


def test_readings_of_one_time_have_no_interval():
    with pytest.raises(ReadingsRefused, match="all readings have one time"):
        read_for_training(f"time,sensor,value\n{iso_time(NOON)},a,1\n{iso_time(NOON)},b,2\n".encode())
