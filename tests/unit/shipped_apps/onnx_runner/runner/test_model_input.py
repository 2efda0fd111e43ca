"""Inputs of a model: values that fit its shape and its type, one bad value for each check."""

import numpy as np
import pytest

from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused
from sealgrid.shipped_apps.onnx_runner.runner.model_input import ModelInput

FLOATS = ModelInput("x", "tensor(float)", ("batch", 2))


def test_integers_become_floats_of_any_batch_size():
    converted = FLOATS.convert(np.array([[1, 2], [3, 4], [5, 6]]))
    assert (converted.dtype, converted.shape) == (np.float32, (3, 2))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(3), "has 1 dimensions; the model takes \\[batch, 2\\]"),
        (np.zeros((1, 3)), "has the shape \\[1, 3\\]"),
        (np.array([["a", "b"]]), "takes float32, not text"),
        (np.array([[1j, 2]]), "is not numeric"),
        (np.array([[1e300, 0]]), "has numbers too large for float32"),
        ([[10**400, 0]], "has numbers too large for float32"),
        ([[1], [2, 3]], "its lists differ in length"),
        ([[1, [2]]], "its lists differ in length"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(value, message):
    with pytest.raises(RunRefused, match=message):
        FLOATS.convert(value)


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (("n", 2), [1, 2], (1, 2)),
        ((1, 2), [1, 2], (1, 2)),
        (("n", 1), [1, 2, 3], (3, 1)),
        (("n", 2), [], (0, 2)),
        (("n", 3, "w"), [], (0, 3, 0)),
        ((), [[1, 2]], (1, 2)),
    ],
)
def test_dimensions_that_people_leave_out_are_added(shape, value, expected):
    assert ModelInput("x", "tensor(float)", shape).convert(value).shape == expected


@pytest.mark.parametrize("kind", ["optional(tensor(float))", "sparse_tensor(float)", "tensor(complex64)"])
def test_an_input_of_another_type_is_refused(kind):
    with pytest.raises(RunRefused, match="this app takes tensors, sequences of tensors and maps"):
        ModelInput("x", kind, ()).check_supported()


def test_infinities_and_nan_stay():
    assert np.isinf(FLOATS.convert(np.array([[np.inf, -np.inf]]))).all()
    assert np.isnan(FLOATS.convert(np.array([[np.nan, np.nan]]))).all()


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("tensor(float)", "float32"),
        ("tensor(string)", "string"),
        ("tensor(bfloat16)", "bfloat16"),
        ("seq(tensor(int64))", "sequence(int64)"),
        ("map(string,tensor(float))", "map(string,float32)"),
    ],
)
def test_an_input_is_described_as_a_signature_has_it(kind, dtype):
    assert ModelInput("x", kind, ("n",)).describe() == {"name": "x", "dtype": dtype, "shape": ["n"]}
    assert ModelInput("x", kind, ()).describe()["shape"] is None


@pytest.mark.parametrize("shape", [("batch", 1), (1,), (None, None, 1)])
def test_one_value_is_an_array_where_every_size_is_one_or_free(shape):
    assert ModelInput("x", "tensor(float)", shape).convert(5).shape == (1,) * len(shape)


@pytest.mark.parametrize(
    ("kind", "value"), [("tensor(string)", ["a\ud800"]), ("map(string,tensor(float))", {"a\ud800": 1.0})]
)
def test_a_text_that_is_not_valid_unicode_is_refused(kind, value):
    with pytest.raises(RunRefused, match="a text that is not valid Unicode"):
        ModelInput("x", kind, (1,) if kind == "tensor(string)" else ()).convert(value)
