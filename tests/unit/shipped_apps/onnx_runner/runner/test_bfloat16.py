"""bfloat16 is the upper half of a float32, rounded to the nearest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.onnx_runner.runner.bfloat16 import from_ort, to_ort

FLOATS = st.lists(st.floats(width=32, allow_nan=False, min_value=-(2.0**100), max_value=2.0**100), max_size=20)


@given(FLOATS)
def test_a_value_is_rounded_by_half_of_its_last_bit_at_most(values):
    array = np.array(values, dtype=np.float32)
    found = from_ort(to_ort(array))
    assert np.all(np.abs(found - array) <= np.maximum(np.abs(array) / 2**8, np.float32(2**-134)))
    assert np.array_equal(from_ort(to_ort(found)), found), "exact once it is rounded"


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(1 + 2**-8, 1.0), (1 + 3 * 2**-8, 1 + 2**-6), (np.inf, np.inf), (-np.inf, -np.inf)],
    ids=["tie to even, down", "tie to even, up", "infinity", "negative infinity"],
)
def test_ties_go_to_even_and_infinity_stays(value, rounded):
    assert from_ort(to_ort(np.array([value], dtype=np.float32))).tolist() == [rounded]


def test_a_payload_of_nan_does_not_become_infinity():
    smallest = np.array([0x7F800001], dtype=np.uint32).view(np.float32)
    assert np.isnan(from_ort(to_ort(smallest))).all()


@pytest.mark.parametrize("shape", [(), (2, 3), (0, 4)])
def test_the_shape_is_kept(shape):
    assert from_ort(to_ort(np.ones(shape, dtype=np.float32))).shape == shape
