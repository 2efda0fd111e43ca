"""A file of tensors is compared with a model's public signature; what cannot be judged passes."""

import io
import json
import struct
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.media_types import JSON, NPY, NPZ
from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.bundle.tensor_check import example_tensors, tensor_fault


def spec(name: str, *shape: int | str | None, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def signature(*inputs: TensorSpec) -> ModelSignature:
    return ModelSignature(inputs=inputs, outputs=(), checked="inference")


CASES = json.loads((Path(__file__).parent / "tensor_cases.json").read_text())  #: the browser's check passes them too
X = signature(spec("x", "batch", 3))
TWO = signature(spec("ids", 1, 2, dtype="int64"), spec("name", 1, dtype="string"))


def npy(shape: str, padding: int = 0) -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}{' ' * padding}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def numpy_file(save, **arrays) -> bytes:
    target = io.BytesIO()
    save(target, **arrays)
    return target.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: f"{case['signature']} {case['document']}")
def test_json_is_judged_by_names_shapes_and_kinds_of_value(case):
    inputs = msgspec.convert(CASES["signatures"][case["signature"]], tuple[TensorSpec, ...])
    assert tensor_fault(signature(*inputs), JSON, case["document"].encode()) == case.get("fault")


def test_an_object_with_two_values_of_one_name_is_refused():
    assert tensor_fault(X, JSON, b'{"x": [[1, 2, 3]], "x": [[4, 5, 6]]}') == "it has two values for 'x'"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le"])
def test_json_is_read_in_every_encoding_that_the_app_reads(encoding):
    assert "the shape [1, 2]" in (tensor_fault(X, JSON, "[[1, 2]]".encode(encoding)) or "")
    assert tensor_fault(X, JSON, '["größe"]'.encode("cp1252")) is None


@pytest.mark.parametrize("dtype", ["<f4", ">i8", "?", "<u2", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_numpy_file_has_the_shape_that_its_header_states(dtype, order):
    array = np.zeros((2, 3), dtype=dtype, order=order)
    assert tensor_fault(X, NPY, numpy_file(np.save, arr=array)) is None
    assert tensor_fault(X, NPY, numpy_file(np.save, arr=array[:, :2])) == (
        "the input 'x' has the shape [2, 2]; the model takes [batch, 3]"
    )


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_numpy_archive_has_an_array_for_each_input(save):
    good = {"ids": np.zeros((1, 2), np.int64), "name": np.array(["Ada"])}
    assert tensor_fault(TWO, NPZ, numpy_file(save, **good)) is None
    assert tensor_fault(TWO, NPZ, numpy_file(save, **good, more=np.zeros(1))) == (
        "the model has no input 'more'; it takes 'ids' and 'name'"
    )
    assert "is missing" in (tensor_fault(TWO, NPZ, numpy_file(save)) or "")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (numpy_file(np.save, arr=np.zeros((1, 3)))[:20], "it is a damaged NumPy file"),
        (numpy_file(np.save, arr=np.array([[{}]], dtype=object)), "it has Python objects (a pickle)"),
        (numpy_file(np.save, arr=np.zeros((1, 3), dtype=[("a", "f4")])), "it has records with fields"),
        (npy("(1e999, 3)"), "it is a damaged NumPy file"),
        (npy("(-1, 3)"), "it is a damaged NumPy file"),
        (npy("('1', 3)"), "it is a damaged NumPy file"),
        (npy("(1, 3)", padding=10_000), "it is a damaged NumPy file"),
        (npy(f"({'1, ' * 33})"), "it has more than 32 dimensions"),
        (numpy_file(np.save, arr=np.array([["a", "b", "c"]])), "the input 'x' has text; the model takes float32"),
    ],
)
def test_a_numpy_file_that_is_no_plain_array_is_refused(content, fault):
    assert (tensor_fault(X, NPY, content) or "").startswith(fault)


def test_a_numpy_header_of_the_size_that_numpy_reads_is_read():
    content = npy("(1, 3)", padding=9_900) + bytes(12)
    assert np.load(io.BytesIO(content)).shape == (1, 3)
    assert tensor_fault(X, NPY, content) is None
    assert tensor_fault(X, NPZ, zipped({"x.npy": content})) is None


@pytest.mark.parametrize("depth", [33, 900])
def test_lists_nested_too_deeply_are_no_array(depth):
    any_shape = signature(TensorSpec(name="x", dtype="float32", shape=None))
    assert tensor_fault(any_shape, JSON, b"[" * depth + b"]" * depth) == "the input 'x' has more than 32 dimensions"


def test_a_damaged_archive_is_refused():
    assert tensor_fault(X, NPZ, b"PK\x03\x04 and no archive") == "it is a damaged NumPy archive"


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_or_refused(content):
    for kind, magic in ((JSON, b""), (NPY, b"\x93NUMPY\x01\x00"), (NPZ, b"PK\x03\x04")):
        fault = tensor_fault(X, kind, magic + content)
        assert fault is None or fault[0].islower()


@pytest.mark.parametrize(
    "model",
    [
        X,
        TWO,
        signature(spec("s")),
        signature(spec("flags", 2, None, dtype="bool")),
        signature(*(spec(f"x{number}", 100) for number in range(100))),
        signature(spec("x", *[1] * 32)),
    ],
)
def test_the_example_of_a_model_is_an_input_that_it_takes(model):
    example = example_tensors(model)
    assert example is not None
    assert tensor_fault(model, JSON, example) is None


@pytest.mark.parametrize(
    "model",
    [
        signature(),
        signature(spec("x", 10**9)),
        signature(spec("x", 0)),
        signature(*(spec(f"x{number}", 100) for number in range(101))),
        signature(spec("x", *[1] * 33)),
        signature(spec("x", *[1] * 1500)),
        signature(TensorSpec(name="x", dtype="float32", shape=None)),
        signature(TensorSpec(name="m", dtype="map(string,float32)", shape=())),
    ],
)
def test_a_model_without_a_small_plain_input_has_no_example(model):
    assert example_tensors(model) is None
