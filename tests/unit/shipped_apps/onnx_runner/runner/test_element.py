"""Element types: what fits a type is converted exactly, and what it does not have is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.onnx_runner.runner.element import DTYPES, convert, dtype_name, to_array
from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused

WHOLE = sorted(name for name, dtype in DTYPES.items() if dtype.kind in "iu")
NUMBERS = st.one_of(st.integers(-(2**65), 2**65), st.floats(allow_nan=False, allow_infinity=False))


@given(st.sampled_from(WHOLE), st.lists(NUMBERS, min_size=1, max_size=5))
def test_whole_numbers_in_range_are_kept_and_others_are_refused(element, values):
    bounds = np.iinfo(DTYPES[element])
    fits = all(value == int(value) and bounds.min <= value <= bounds.max for value in values)
    if fits:
        assert convert(to_array(values, "x"), element, "x").tolist() == [int(value) for value in values]
    else:
        with pytest.raises(RunRefused, match=r"whole number|too large"):
            convert(to_array(values, "x"), element, "x")


@given(st.sampled_from(WHOLE), st.floats(allow_nan=True, allow_infinity=True))
def test_decimals_of_numpy_are_judged_like_those_of_json(element, value):
    bounds = np.iinfo(DTYPES[element])
    if np.isfinite(value) and value == int(value) and bounds.min <= int(value) <= bounds.max:
        assert convert(np.array([value]), element, "x").tolist() == [int(value)]
    else:
        with pytest.raises(RunRefused, match=r"whole number|too large"):
            convert(np.array([value]), element, "x")


@pytest.mark.parametrize(
    ("value", "element", "message"),
    [
        ([[1], [2, 3]], "float", "lists differ in length"),
        ([1, [2]], "float", "lists differ in length"),
        (["\ud800"], "string", "not valid Unicode"),
        ([1], "string", "takes text, not numbers"),
        (["1"], "float", "takes float32, not text"),
        ([None], "int64", "missing value"),
        ([1e39], "float", "too large for float32"),
        ([10**400], "double", "too large for float64"),
        (np.array([b"\xff"]), "string", "text in UTF-8"),
        (np.array([1j]), "float", "not numeric"),
    ],
)
def test_a_value_that_a_type_does_not_have_is_refused(value, element, message):
    with pytest.raises(RunRefused, match=message):
        convert(to_array(value, "x"), element, "x")


def test_a_missing_decimal_is_nan():
    assert np.isnan(convert(to_array([None], "x"), "double", "x")).all()


def test_an_empty_list_has_a_shape():
    assert to_array([[], []], "x").shape == (2, 0)


def test_types_are_named_as_numpy_names_them():
    assert [dtype_name(each) for each in ("float", "bfloat16", "string", "float8")] == [
        "float32",
        "bfloat16",
        "string",
        "float8",
    ]
