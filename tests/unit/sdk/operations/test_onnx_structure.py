"""The structure of an ONNX file is read without its weights: versions, inputs and outputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.model_signature import TensorSpec
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.onnx_structure import read_structure
from sealgrid.sdk.operations.protobuf import varint
from tests.unit.shipped_apps.onnx_writer import (
    FLOAT,
    INT64,
    STRING,
    Node,
    Value,
    Weights,
    adding,
    model,
    passing,
)

GRAPH = b"\x3a\x02\x12\x00"  # field 7, a graph
MODEL = b"\x08\x08" + GRAPH + b"\x42\x02\x10\x0d"  # ir_version 8, graph, opset


def structure(folder, content: bytes):
    path = folder / "file.bin"
    path.write_bytes(content)
    return read_structure(path)


def spec(name, dtype="float32", shape=(2,)):
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def test_the_signature_names_inputs_and_outputs_with_type_and_shape(tmp_path):
    found = structure(tmp_path, adding(("batch", 3)))
    assert found.signature.inputs == (spec("a", shape=("batch", 3)), spec("b", shape=("batch", 3)))
    assert found.signature.outputs == (spec("sum", shape=("batch", 3)),)
    assert found.signature.checked == "structure"


def test_the_versions_are_those_of_the_file(tmp_path):
    found = structure(tmp_path, model([], [Value("x")], [Value("x")], ir_version=9, opsets={"": 18, "ai.onnx.ml": 3}))
    assert (found.ir_version, found.opsets) == (9, {"": 18, "ai.onnx.ml": 3})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Value("x", shape=()), spec("x", shape=())),
        (Value("x", shape=None), spec("x", shape=None)),
        (Value("x", shape=("", 3)), spec("x", shape=(None, 3))),
        (Value("x", STRING, (1,)), spec("x", "string", (1,))),
        (Value("x", 16), spec("x", "bfloat16")),
        (Value("x", 99), spec("x", "type 99")),
        (Value("x", sequence=True), spec("x", "sequence(float32)", None)),
        (Value("x", map_key=STRING), spec("x", "map(string,float32)", None)),
        (Value("x", map_key=INT64, sequence=True), spec("x", "sequence(map(int64,float32))", None)),
    ],
    ids=str,
)
def test_every_kind_of_input_is_described(tmp_path, value, expected):
    assert structure(tmp_path, model([], [value], [])).signature.inputs == (expected,)


def test_a_weight_that_older_files_list_as_an_input_is_none(tmp_path):
    weights = Weights("w", FLOAT, (2,), bytes(8))
    old = model([Node("Add", ["x", "w"], ["y"])], [Value("x"), Value("w")], [Value("y")], weights=[weights])
    assert [each.name for each in structure(tmp_path, old).signature.inputs] == ["x"]


def test_fields_may_come_in_any_order_and_from_later_versions(tmp_path):
    structure(tmp_path, MODEL)
    structure(tmp_path, GRAPH + b"\x08\x08")
    structure(tmp_path, MODEL + b"\xf2\x07\x03abc" + b"\xf9\x07" + bytes(8) + b"\xfd\x07" + bytes(4))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"these are not the weights you are looking for\n" * 9, "not protobuf"),
        (b'{"json": true}', "not protobuf"),
        (MODEL[:-1], "cut short"),
        (MODEL + b"\x3a\xff", "cut short"),
        (passing()[:40], "cut short"),
        (b"\x08\x08", "no graph"),
        (GRAPH, "no IR version"),
        (bytes(32), "not protobuf"),
        (model([], [Value("x\udcff".encode("utf-8", "surrogateescape"))], []), "codec can't decode"),
        (b"\x1f\x8b\x08", "a gzip file"),
    ],
)
def test_what_is_no_model_is_refused_and_named(tmp_path, content, why):
    with pytest.raises(InputRefused, match=rf"file.bin is .*{why}"):
        structure(tmp_path, content)


def test_types_that_are_nested_without_end_are_refused(tmp_path):
    with pytest.raises(InputRefused, match="nested too deeply"):
        structure(tmp_path, model([], [Value("x", depth=100)], []))


@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    try:
        structure(folder, content)
    except InputRefused:
        return
    assert content


def test_a_large_model_is_never_read_into_memory(tmp_path):
    path, weights = tmp_path / "large.onnx", 1 << 31
    tensor = b"\x4a" + varint(weights)  # raw_data
    graph = b"\x2a" + varint(len(tensor) + weights) + tensor  # initializer
    with path.open("wb") as file:
        file.write(b"\x08\x08\x3a" + varint(len(graph) + weights) + graph)
        file.truncate(file.tell() + weights)
    assert read_structure(path).ir_version == 8
