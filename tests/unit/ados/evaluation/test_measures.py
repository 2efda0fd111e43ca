import numpy as np
import pytest

from sealgrid.ados.evaluation.measures import area_under_curve, measure


def booleans(*values):
    return np.array(values, dtype=bool)


def test_precision_recall_and_f1_count_readings():
    found = measure(booleans(1, 1, 0, 0), booleans(1, 0, 1, 0), np.array([4.0, 1.0, 3.0, 2.0]))
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.auc == 0.5


def test_without_an_alarm_nothing_is_found():
    found = measure(booleans(1, 0), booleans(0, 0), np.zeros(2))
    assert (found.precision, found.recall, found.f1, found.auc) == (0, 0, 0, 0.5)


@pytest.mark.parametrize(
    ("suspicion", "area"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 1, 1, 1], 0.5), ([1, 3, 2, 4], 0.75)]
)
def test_the_area_is_the_chance_that_a_faulty_reading_is_more_suspicious(suspicion, area):
    assert area_under_curve(booleans(0, 0, 1, 1), np.array(suspicion, dtype=float)) == area


def test_one_class_alone_has_no_order():
    assert area_under_curve(booleans(1, 1), np.array([1.0, 2.0])) == 0.5
