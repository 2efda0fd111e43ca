"""Values of onnxruntime as they are written: tensors, classes and matrices, sequences, and what no file can hold."""

import io

import numpy as np
import pytest

from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused
from sealgrid.shipped_apps.onnx_runner.runner.outputs import (
    EmptyOutput,
    SequenceOutput,
    TensorOutput,
    describe,
    from_value,
    to_npz,
)

MAPS = "seq(map(string,tensor(float)))"


def test_maps_are_a_matrix_in_the_order_of_the_first_map():
    found = from_value([{"b": 0.25, "a": 0.75}, {"a": 0.5, "b": 0.5}], "p", MAPS)
    assert found.classes == ("b", "a")
    assert found.array.dtype == np.float32
    assert found.array.tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_a_class_that_a_map_lacks_is_nan_and_whole_numbers_become_decimals_for_it():
    found = from_value([{1: 7, 2: 8}, {2: 9}], "p", "seq(map(int64,tensor(int64)))")
    assert found.array.dtype == np.float64
    assert np.isnan(found.array[1, 0])
    assert from_value([{1: 7}], "p", "seq(map(int64,tensor(int64)))").array.dtype == np.int64


def test_one_map_is_a_row():
    found = from_value({"a": 1.0}, "p", "map(string,tensor(float))")
    assert (found.classes, found.array.tolist()) == (("a",), [1.0])


def test_no_maps_and_no_tensors_are_told_apart_by_their_type():
    assert from_value([], "p", MAPS).array.shape == (0, 0)
    assert from_value([], "p", "seq(tensor(float))") == SequenceOutput(())


def test_an_optional_output_without_a_value_is_null():
    assert from_value(None, "p", "optional(tensor(float))") == EmptyOutput()
    assert describe({"p": EmptyOutput()}, b"", None)["outputs"] == {"p": {"values": None}}


def test_a_value_of_another_type_is_refused():
    with pytest.raises(RunRefused, match="the output 'p' is a sparse_tensor"):
        from_value(object(), "p", "sparse_tensor(float)")


def test_two_parts_of_one_name_are_refused():
    one = np.zeros(1)
    with pytest.raises(RunRefused, match="have the same name"):
        to_npz({"s": SequenceOutput((one,)), "s.0": TensorOutput(one)})


def test_the_archive_has_classes_beside_their_matrix():
    archive = to_npz({"p": TensorOutput(np.zeros((1, 2)), ("a", "b"))})
    with np.load(io.BytesIO(archive), allow_pickle=False) as written:
        assert written.files == ["p", "p.classes"]
        assert written["p.classes"].tolist() == ["a", "b"]
