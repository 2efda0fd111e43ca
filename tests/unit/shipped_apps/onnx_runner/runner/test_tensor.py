"""Inputs of a model: arrays that fit its shape and its type, one bad array for each check."""

import numpy as np
import pytest

from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused
from sealgrid.shipped_apps.onnx_runner.runner.tensor import Tensor

FLOATS = Tensor("x", "tensor(float)", ("batch", 2))


def test_integers_become_floats_of_any_batch_size():
    converted = FLOATS.convert(np.array([[1, 2], [3, 4], [5, 6]]))
    assert (converted.dtype, converted.shape) == (np.float32, (3, 2))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(2), "has 1 dimensions; the model takes \\[batch, 2\\]"),
        (np.zeros((1, 3)), "has the shape \\[1, 3\\]"),
        (np.array([["a", "b"]]), "is not numeric"),
        (np.array([[True, False]]), "takes float32, not bool"),
        (np.array([[1e300, 0]]), "has numbers too large for float32"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(array, message):
    with pytest.raises(RunRefused, match=message):
        FLOATS.convert(array)


def test_a_tensor_of_another_type_is_refused():
    with pytest.raises(RunRefused, match="this app takes tensors of numbers"):
        Tensor("x", "tensor(string)", ()).convert(np.zeros(1))


def test_infinities_and_nan_stay():
    assert np.isinf(FLOATS.convert(np.array([[np.inf, -np.inf]]))).all()
    assert np.isnan(FLOATS.convert(np.array([[np.nan, np.nan]]))).all()
