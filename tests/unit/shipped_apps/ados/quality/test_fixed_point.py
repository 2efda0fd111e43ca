import math

import numpy as np
import pytest

from sealgrid.shipped_apps.ados.quality.fixed_point import ONE, exp_negative, rescale, softmax, to_fixed


def test_the_exponential_is_that_of_real_numbers():
    exponents = np.linspace(0, 20, 4001)
    exact = np.array([math.exp(-each) for each in exponents])
    assert np.abs(exp_negative(to_fixed(exponents)) / 2**30 - exact).max() < 2**-15


def test_the_exponential_never_rises():
    values = exp_negative(np.arange(0, 200_000, dtype=np.int64))
    assert (np.diff(values) <= 0).mean() > 0.9999
    assert exp_negative(np.array([1 << 40]))[0] == 0


def test_softmax_weights_sum_to_one_and_leave_out_what_is_not_usable():
    scores = to_fixed(np.array([[0.0, 1.0, -2.0], [3.0, 3.0, 3.0]]))
    usable = np.array([[True, True, False], [False, False, False]])
    weights = softmax(scores, usable)
    assert weights[0] / ONE == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e), 0], abs=1e-4)
    assert not weights[1].any()


def test_products_are_rounded_to_the_nearest():
    half = to_fixed(np.array([0.5, -0.5, 1 / 3]))
    assert rescale(half * to_fixed(np.array([2.0, 2.0, 3.0]))) / ONE == pytest.approx([1, -1, 1], abs=2e-5)
