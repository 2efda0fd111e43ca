from dataclasses import replace

import numpy as np
import pytest

from sealgrid.shipped_apps.ados.quality.calibration import MAX_MICRO, MAX_NORMALISED
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.fixed_point import ONE
from sealgrid.shipped_apps.ados.quality.readings import MAX_VALUE, MICRO
from tests.unit.shipped_apps.ados.models import calibration


@pytest.mark.parametrize("scale", [1, 1000, 5 * MICRO, 1 << 40, MAX_MICRO])
def test_a_value_is_normalised_by_mean_and_standard_deviation(scale):
    bounds = replace(calibration(3, 2.0), scale=np.full(3, scale), centre=np.array([0, -scale, scale]))
    found = bounds.normalise(np.array([[scale, scale, scale]]))
    assert found[0] / ONE == pytest.approx([1, 2, 0], abs=1e-4)


def test_the_largest_values_are_bounded_and_do_not_overflow():
    extremes = np.array([[MAX_VALUE * MICRO] * 2, [-MAX_VALUE * MICRO] * 2])
    for centre in (MAX_MICRO, -MAX_MICRO):
        bounds = replace(calibration(2, 2.0), scale=np.array([1, MAX_MICRO]), centre=np.full(2, centre))
        assert np.abs(bounds.normalise(extremes)).max() <= MAX_NORMALISED * ONE


@pytest.mark.parametrize(
    ("name", "entry"),
    [("scale", 0), ("centre", MAX_MICRO + 1), ("shortest_run", 1), ("longest_delay", 0), ("own_threshold", 0)],
)
def test_an_entry_out_of_its_bounds_is_refused(name, entry):
    with pytest.raises(ReadingsRefused, match=name):
        replace(calibration(2, 2.0), **{name: np.array([1, entry])})


def test_calibrations_of_different_numbers_of_sensors_are_refused():
    with pytest.raises(ReadingsRefused, match="one lowest for each sensor"):
        replace(calibration(2, 2.0), lowest=np.zeros(3, dtype=np.int64))
