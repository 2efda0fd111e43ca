from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.shipped_apps.ados.quality.readings import MICRO, Readings
from sealgrid.shipped_apps.ados.quality.score import (
    ALARM,
    COLLECTIVE,
    CONTEXTUAL,
    FULL,
    LATE,
    MISSING,
    NONE,
    POINT,
    STUCK,
    WEIGHTS,
    ReadingEvidence,
    data_quality,
    ramp,
    score,
)
from tests.unit.shipped_apps.ados.models import random_model, random_readings

SHARES = st.integers(0, FULL)
MODEL = random_model()
ROWS = 60


def evidence(shares):
    return ReadingEvidence(**{name: np.array([[share]], dtype=np.int64) for name, share in shares.items()})


def dqf(shares):
    return int(data_quality(evidence(shares))[0, 0])


def calm(rows=ROWS):
    """Readings that nothing speaks against: alternating values near each sensor's mean."""
    values = np.where(np.arange(rows)[:, None] % 2, 50 * MICRO, 50 * MICRO + 1) * np.ones((1, 6), dtype=np.int64)
    zeros = np.zeros((rows, 6), dtype=np.int64)
    return Readings(MODEL.sensors, 600, 0, values, np.ones((rows, 6), dtype=bool), zeros + 30, zeros)


def with_reading(row, sensor, **changed):
    readings = calm()
    arrays = {}
    for name, value in changed.items():
        arrays[name] = getattr(readings, name).copy()
        arrays[name][row, sensor] = value
    return replace(readings, **arrays)


def test_the_weights_name_every_evidence():
    assert set(WEIGHTS) == {each.name for each in fields(ReadingEvidence)}


@given(st.fixed_dictionaries(dict.fromkeys(WEIGHTS, SHARES)), st.sampled_from(sorted(WEIGHTS)), SHARES)
def test_more_of_any_evidence_never_raises_the_dqf(shares, name, share):
    more = {**shares, name: max(share, shares[name])}
    assert 0 <= dqf(more) <= dqf(shares) <= 100


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_a_greater_measure_is_never_less_evidence(one, other):
    low, high = sorted((one, other))
    assert ramp(np.array(low)) <= ramp(np.array(high))


def test_no_evidence_leaves_100_and_a_measure_at_its_threshold_is_an_alarm():
    nothing = dict.fromkeys(WEIGHTS, 0)
    assert dqf(nothing) == 100
    assert dqf({**nothing, "deviation": int(ramp(np.array(1000)))}) == ALARM
    assert dqf({**nothing, "deviation": int(ramp(np.array(999)))}) > ALARM - 1
    assert dqf(dict.fromkeys(WEIGHTS, FULL)) == 0


def test_calm_readings_have_no_fault():
    scores = score(MODEL, calm())
    assert (scores.dqf > ALARM).all()
    assert (scores.reasons == NONE).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, ROWS - 1), st.integers(0, 5), st.integers(0, 5000), st.integers(0, 5000))
def test_a_later_reading_never_has_a_higher_dqf(row, sensor, one, other):
    earlier, later = sorted((one, other))
    before, after = (score(MODEL, with_reading(row, sensor, delays=delay)).dqf for delay in (earlier, later))
    assert (after <= before).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, ROWS - 1), st.integers(0, 5), st.integers(0, 40), st.integers(0, 40))
def test_a_reading_farther_out_of_its_range_never_has_a_higher_dqf(row, sensor, one, other):
    nearer, farther = sorted((one, other))
    values = [(60 + distance) * MICRO for distance in (nearer, farther)]
    before, after = (score(MODEL, with_reading(row, sensor, values=value)).dqf for value in values)
    if nearer >= 30:  # there the network's deviation has reached its end, and the rules decide alone
        assert after[row, sensor] <= before[row, sensor]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"present": False, "values": 0}, MISSING),
        ({"delays": 3600}, LATE),
        ({"copies": 1}, LATE),
        ({"values": 500 * MICRO}, POINT),
    ],
)
def test_each_fault_has_its_reason(changed, reason):
    scores = score(MODEL, with_reading(30, 2, **changed))
    assert scores.dqf[30, 2] <= ALARM
    assert scores.reasons[30, 2] == reason


def test_equal_readings_in_a_row_are_stuck_from_the_first_one_on():
    readings = calm()
    readings.values[20:26, 1] = 51 * MICRO
    scores = score(MODEL, readings)
    assert (scores.reasons[20:26, 1] == STUCK).all()
    assert (scores.reasons[[19, 26], 1] != STUCK).all()


def test_a_long_stretch_out_of_range_is_collective():
    readings = calm()
    readings.values[20:45:2, 1] = 90 * MICRO
    readings.values[21:45:2, 1] = 91 * MICRO
    reasons = score(MODEL, readings).reasons[20:45, 1]
    assert (reasons == COLLECTIVE).sum() > 20
    assert CONTEXTUAL not in reasons


def test_any_readings_get_integers_from_0_to_100():
    scores = score(MODEL, random_readings(200, faulty=0.3))
    assert scores.dqf.dtype == np.int64
    assert scores.dqf.min() >= 0
    assert scores.dqf.max() <= 100
    assert ((scores.reasons == NONE) == (scores.dqf > ALARM)).all()


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 7])
def test_few_rows_are_scored_by_rules_alone(rows):
    scores = score(MODEL, random_readings(rows))
    assert scores.dqf.shape == (rows, 6)
