import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.ados.quality.calibration import MAX_RUN
from sealgrid.shipped_apps.ados.quality.readings import MAX_VALUE, MICRO
from sealgrid.shipped_apps.ados.quality.rules import BOUND, MAX_MEASURE, measure_rules, run_lengths, spikes
from tests.unit.shipped_apps.ados.models import calibration

BOUNDS = calibration(1, 2.0)


def column(*values):
    return np.array(values, dtype=np.int64)[:, None]


def measured(values, present=None, delays=None):
    values = column(*values)
    known = np.ones_like(values, dtype=bool) if present is None else column(*present).astype(bool)
    zeros = np.zeros_like(values)
    return measure_rules(BOUNDS, values, known, zeros if delays is None else column(*delays), zeros)


def test_a_run_has_its_length_at_each_of_its_readings_and_ends_at_a_gap():
    values = column(1, 1, 1, 2, 3, 3, 3, 3)
    present = column(1, 1, 1, 1, 1, 1, 0, 1).astype(bool)
    assert run_lengths(values, present)[:, 0].tolist() == [3, 3, 3, 1, 2, 2, 0, 1]
    assert run_lengths(np.zeros((40, 1), dtype=np.int64), np.ones((40, 1), dtype=bool)).max() == MAX_RUN


def test_a_spike_is_the_lesser_change_and_the_return_from_one_is_none():
    values, present = column(5, 5, 9, 5, 5), np.ones((5, 1), dtype=bool)
    assert spikes(values, present)[:, 0].tolist() == [0, 0, 4, 0, 0]
    present[1] = False
    assert spikes(values, present)[:, 0].tolist() == [0, 0, 4, 0, 0]


def test_a_value_at_the_end_of_the_range_is_within_it_and_a_tenth_beyond_is_at_the_bound():
    assert measured([60 * MICRO, 62 * MICRO, 38 * MICRO]).beyond[:, 0].tolist() == [0, BOUND, BOUND]


def test_missing_readings_are_measured_by_nothing_else():
    found = measured([0, 0, 0], present=[1, 0, 1])
    assert found.missing[:, 0].tolist() == [0, BOUND, 0]
    assert found.beyond[1, 0] == found.step[1, 0] == found.stuck[1, 0] == 0


def test_a_delay_of_the_longest_accepted_one_is_at_the_bound():
    assert measured([0, 0, 0], delays=[0, 600, 900]).late[:, 0].tolist() == [0, BOUND, 1500]


@given(st.lists(st.integers(-MAX_VALUE * MICRO, MAX_VALUE * MICRO), min_size=1, max_size=8))
def test_no_value_exceeds_the_measures_or_64_bits(values):
    found = measured(values)
    for measures in (found.beyond, found.step, found.stuck):
        assert measures.min() >= 0
        assert measures.max() <= MAX_MEASURE
