import numpy as np
import pytest

from sealgrid.ados.faults import inject, inject_mixed
from sealgrid.ados.scenario import FAULT_SHARE, FAULTS, LENGTHS, TEST_ROWS
from sealgrid.ados.stations import draw_network, draw_readings
from sealgrid.shipped_apps.ados.quality.readings import MICRO

NETWORK = draw_network(7)
CLEAN = draw_readings(NETWORK, 7, 0, TEST_ROWS)


def with_fault(fault, severity=4):
    return inject(CLEAN, NETWORK.sigmas, np.random.default_rng(7), fault, severity)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_test_set_has_the_share_of_faulty_readings_and_leaves_the_others_as_they_were(fault):
    labelled = with_fault(fault)
    faulty = labelled.is_faulty()
    assert FAULT_SHARE <= faulty.mean() < FAULT_SHARE + max(LENGTHS[fault]) / CLEAN.values.size
    assert set(np.unique(labelled.labels[faulty])) == {FAULTS.index(fault)}
    for name in ("values", "present", "delays", "copies"):
        assert np.array_equal(getattr(labelled.readings, name)[~faulty], getattr(CLEAN, name)[~faulty])


@pytest.mark.parametrize("severity", [2, 4, 8])
def test_a_point_fault_is_displaced_by_its_severity_in_sigmas(severity):
    labelled = with_fault("point", severity)
    change = np.abs(labelled.readings.values - CLEAN.values) / MICRO / NETWORK.sigmas
    assert np.abs(change[labelled.is_faulty()] - severity).max() < 0.05


def test_a_contextual_fault_stays_within_the_clean_range_of_its_station():
    readings = with_fault("contextual").readings
    assert (readings.values >= CLEAN.values.min(axis=0)).all()
    assert (readings.values <= CLEAN.values.max(axis=0)).all()


def test_a_stuck_sensor_repeats_the_reading_before():
    labelled = with_fault("stuck")
    stuck = labelled.is_faulty()
    previous = np.roll(labelled.readings.values, 1, axis=0)
    assert np.array_equal(labelled.readings.values[stuck], previous[stuck])


def test_missing_late_and_doubled_readings_are_marked_as_such():
    missing, late, doubled = (with_fault(fault) for fault in ("missing", "late", "duplicate"))
    assert np.array_equal(~missing.readings.present, missing.is_faulty())
    assert (late.readings.delays - CLEAN.delays)[late.is_faulty()].min() == 4 * CLEAN.interval
    assert np.array_equal(doubled.readings.copies > 0, doubled.is_faulty())


def test_the_mixed_set_has_every_class():
    mixed = inject_mixed(CLEAN, NETWORK.sigmas, np.random.default_rng(7))
    assert set(np.unique(mixed.labels)) == {-1, *range(len(FAULTS))}
