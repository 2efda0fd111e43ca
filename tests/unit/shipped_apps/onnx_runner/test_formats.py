"""What exporters write by default and people have at hand: types, forms of input files, sequences and maps."""

import io
import json

import numpy as np
import pytest

from sealgrid.shipped_apps.onnx_runner.runner.versions import MAX_IR_VERSION, MAX_OPSETS
from tests.unit.shipped_apps.onnx_writer import (
    BFLOAT16,
    BOOL,
    DOUBLE,
    FLOAT,
    FLOAT16,
    INT64,
    STRING,
    Node,
    Value,
    adding,
    integer_attribute,
    integers_attribute,
    model,
    passing,
    text_attribute,
    texts_attribute,
)

ANY = ("rows", 3)
WHOLE = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 12: "uint32", 13: "uint64"}


def npy(array: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def output(ran, name="y") -> dict:
    assert (ran.code, ran.errors) == (0, "")
    return ran.result["outputs"][name]


def refused(ran) -> str:
    assert ran.code == 2, ran.errors
    assert ran.errors.count("\n") == 1
    return ran.errors


@pytest.mark.parametrize(("kind", "name"), [(FLOAT16, "float16"), (FLOAT, "float32"), (DOUBLE, "float64")])
def test_every_decimal_type_takes_missing_values(run, kind, name):
    ran = run(passing((4,), kind), b"[0.5, null, NaN, 3]")
    assert output(ran) == {"dtype": name, "shape": [4], "values": [0.5, None, None, 3.0]}
    with np.load(io.BytesIO(ran.files["outputs.npz"])) as outputs:
        assert np.isnan(outputs["y"][1:3]).all()


@pytest.mark.parametrize(("kind", "name"), WHOLE.items())
def test_every_whole_type_takes_whole_decimals_and_truth(run, kind, name):
    assert output(run(passing((3,), kind), [3.0, 2, True])) == {"dtype": name, "shape": [3], "values": [3, 2, 1]}


def test_whole_decimals_of_an_array_are_whole_numbers(run):
    assert output(run(passing((2,), INT64), npy(np.array([3.0, -7.0]))))["values"] == [3, -7]


def test_a_whole_number_beyond_a_decimals_precision_is_kept(run):
    assert output(run(passing((2,), INT64), [2**53 + 1, 1.0]))["values"] == [2**53 + 1, 1]


def test_truth_takes_one_and_zero(run):
    assert output(run(passing((4,), BOOL), [True, 0, 1.0, False]))["values"] == [True, False, True, False]


@pytest.mark.parametrize(
    "value", [[["a", "ß"]], npy(np.array([["a", "ß"]])), npy(np.char.encode([["a", "ß"]], "utf-8"))]
)
def test_texts_are_taken(run, value):
    assert output(run(passing((1, 2), STRING), value)) == {"dtype": "string", "shape": [1, 2], "values": [["a", "ß"]]}


def test_bfloat16_is_taken_and_written_as_float32(run):
    ran = run(passing((4,), BFLOAT16), [1.0, -2.5, None, 3.14159265])
    assert output(ran) == {"dtype": "float32", "shape": [4], "values": [1.0, -2.5, None, 3.140625]}


def test_a_bfloat16_that_the_model_makes_is_written(run):
    halved = model(
        [Node("Cast", ["x"], ["y"], integer_attribute("to", BFLOAT16))], [Value("x")], [Value("y", BFLOAT16)]
    )
    assert output(run(halved, [1.0, 0.5]))["values"] == [1.0, 0.5]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_is_read_in_every_unicode_encoding(run, encoding):
    assert output(run(passing((2,)), "[1, 2]\r\n".encode(encoding)))["values"] == [1.0, 2.0]


def test_a_file_that_is_not_json_is_refused_with_the_place(run):
    assert "neither JSON nor a NumPy file (.npy or .npz): line 2, column 2" in refused(
        run(passing(), b"[[1, 2],\n }\n")
    )
    assert "neither JSON" in refused(run(passing(), b"f1,f2\n0.5,1\n", at="csv"))


def test_two_values_of_one_name_are_refused(run):
    assert "two values for 'x'" in refused(run(passing(), b'{"x": [1, 2], "x": [3, 4]}'))


@pytest.mark.parametrize("value", [b"[]", b'{"x": []}', npy(np.empty((0, 3)))])
def test_no_rows_are_no_rows(run, value):
    assert output(run(passing(ANY), value)) == {"dtype": "float32", "shape": [0, 3], "values": []}


def test_a_row_without_a_batch_is_one_row(run):
    assert output(run(passing(ANY), [1, 2, 3]))["values"] == [[1.0, 2.0, 3.0]]
    assert "has 1 dimensions; the model takes [rows, 3]" in refused(run(passing(ANY), [1, 2], at="short"))
    assert "has 1 dimensions; the model takes [2, 3]" in refused(run(passing((2, 3)), [1, 2, 3], at="fixed"))


RECORDS = [{"f1": 1, "f2": 2, "f3": 3}, {"f3": 6, "f1": 4, "f2": 5}]
SPLIT = {"columns": ["f1", "f2", "f3"], "data": [[1, 2, 3], [4, 5, 6]]}


@pytest.mark.parametrize(
    "value",
    [
        RECORDS,
        SPLIT,
        SPLIT | {"index": [0, 1]},
        {"dataframe_records": RECORDS},
        {"dataframe_split": SPLIT},
        {"x": SPLIT["data"]},
        {"instances": SPLIT["data"]},
    ],
)
def test_records_and_the_split_form_become_the_one_input(run, value):
    assert output(run(passing(ANY), value))["values"] == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_the_result_says_in_which_order_columns_became_an_input(run):
    assert run(passing(ANY), RECORDS).result["notes"] == ["the columns f1, f2, f3 became x, in this order"]


@pytest.mark.parametrize(
    "value", [[{"a": 1, "b": 10}, {"a": 2, "b": 20}], {"columns": ["b", "a"], "data": [[10, 1], [20, 2]]}]
)
def test_columns_with_the_names_of_inputs_are_these_inputs(run, value):
    ran = run(adding(("rows", 1)), value)
    assert output(ran, "sum")["values"] == [[11.0], [22.0]]
    assert "notes" not in ran.result


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([{"a": 1}, {"b": 1}], "record 2 and record 1 have different names: 'a', 'b'"),
        ({"columns": ["a"], "data": [[1, 2]]}, "a list of rows with 1 values each"),
        ({"columns": "a", "data": [[1]]}, "a list of names"),
        ({"columns": ["a", "a"], "data": [[1, 2]]}, "two columns of the split form have the same name"),
    ],
)
def test_a_table_that_does_not_fit_together_is_refused(run, value, reason):
    assert reason in refused(run(passing(ANY), value))


def zipmap(key: str, classes: list) -> bytes:
    attribute = texts_attribute if key == "classlabels_strings" else integers_attribute
    label = STRING if key == "classlabels_strings" else INT64
    return model(
        [Node("ZipMap", ["x"], ["y"], attribute(key, classes), domain="ai.onnx.ml")],
        [Value("x", shape=("rows", len(classes)))],
        [Value("y", map_key=label, sequence=True)],
        opsets={"": 17, "ai.onnx.ml": 3},
    )


@pytest.mark.parametrize(
    ("key", "classes"), [("classlabels_strings", ["setosa", "virginica"]), ("classlabels_int64s", [3, -1])]
)
def test_the_maps_of_a_classifier_are_a_matrix_with_classes(run, key, classes):
    ran = run(zipmap(key, classes), [[0.25, 0.75], [0.5, 0.125]], "--top", "1")
    found = output(ran)
    assert (found["dtype"], found["shape"]) == ("float32", [2, 2])
    by_class = [dict(zip(found["classes"], row, strict=True)) for row in found["values"]]
    assert by_class == [dict(zip(classes, row, strict=True)) for row in ([0.25, 0.75], [0.5, 0.125])]
    assert found["top"]["classes"] == [[classes[1]], [classes[0]]]
    with np.load(io.BytesIO(ran.files["outputs.npz"])) as outputs:
        assert outputs["y.classes"].tolist() == found["classes"]
        assert outputs["y"].tolist() == found["values"]


def vectorizer(key: str, vocabulary: list) -> bytes:
    attribute = texts_attribute if key == "string_vocabulary" else integers_attribute
    label = STRING if key == "string_vocabulary" else INT64
    return model(
        [Node("DictVectorizer", ["x"], ["y"], attribute(key, vocabulary), domain="ai.onnx.ml")],
        [Value("x", map_key=label)],
        [Value("y", shape=(1, len(vocabulary)))],
        opsets={"": 17, "ai.onnx.ml": 3},
    )


@pytest.mark.parametrize("value", [{"x": {"b": 2.5, "a": 1}}, {"b": 2.5, "a": 1}, [{"a": 1.0, "b": 2.5}]])
def test_a_map_is_taken_as_an_object(run, value):
    assert output(run(vectorizer("string_vocabulary", ["a", "b"]), value))["values"] == [[1.0, 2.5]]


def test_a_map_of_numbers_takes_them_as_names(run):
    numbered = vectorizer("int64_vocabulary", [7, -8])
    assert output(run(numbered, {"7": 1.0, "-8": 2.0}))["values"] == [[1.0, 2.0]]
    assert "takes whole numbers as names; 'a' is none" in refused(run(numbered, {"a": 1.0}, at="text"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [([1, 2], "takes one object of names and values, not a list"), ({"a": [1]}, "takes one value for each name")],
)
def test_what_is_no_map_is_refused(run, value, reason):
    assert reason in refused(run(vectorizer("string_vocabulary", ["a", "b"]), value))


SEQUENCE = [Node("Identity", ["x"], ["y"]), Node("SequenceConstruct", ["x", "y"], ["s"])]


def test_a_sequence_of_arrays_is_written(run):
    ran = run(model(SEQUENCE, [Value("x")], [Value("s", sequence=True)]), [1, 2])
    array = {"dtype": "float32", "shape": [2], "values": [1.0, 2.0]}
    assert output(ran, "s") == {"sequence": [array, array]}
    with np.load(io.BytesIO(ran.files["outputs.npz"])) as outputs:
        assert outputs.files == ["s.0", "s.1"]


def test_a_sequence_of_arrays_is_taken(run):
    second = [Node("SequenceAt", ["x", "place"], ["y"])]
    taken = model(second, [Value("x", sequence=True), Value("place", INT64, ())], [Value("y", shape=None)])
    assert output(run(taken, {"x": [[1, 2], [3, 4, 5]], "place": 1}))["values"] == [3.0, 4.0, 5.0]
    assert "takes a list of arrays" in refused(run(taken, {"x": 1, "place": 1}, at="single"))


NORMALIZER = [Node("StringNormalizer", ["x"], ["y"], text_attribute("case_change_action", "UPPER"))]


@pytest.mark.parametrize("locale", ["", "de_DE.UTF-8", "tr_TR"])
def test_a_text_operator_finds_the_locale_that_it_names(run, locale):
    attributes = text_attribute("locale", locale) if locale else b""
    nodes = [Node("StringNormalizer", ["x"], ["y"], NORMALIZER[0].attributes + attributes)]
    upper = model(nodes, [Value("x", STRING)], [Value("y", STRING, ("n",))])
    assert output(run(upper, ["é", "straße"]))["values"] == ["É", "STRAßE"]


def identity(**versions) -> bytes:
    return model([Node("Identity", ["x"], ["y"])], [Value("x")], [Value("y")], **versions)


NEWEST = [{"ir_version": MAX_IR_VERSION}] + [
    {"opsets": {"": 17} | {name: version}} for name, version in MAX_OPSETS.items()
]
NEWER = [
    ({"ir_version": 15}, "Unsupported model IR version: 15", "IR version 15 (highest possible: 14)"),
    ({"opsets": {"": 29}}, "Opset 29 is under development", "opset 29 of ai.onnx (highest possible: 28)"),
    (
        {"opsets": {"": 17, "ai.onnx.ml": 6}},
        "ai.onnx.ml is till opset 5",
        "opset 6 of ai.onnx.ml (highest possible: 5)",
    ),
]


@pytest.mark.parametrize("versions", NEWEST, ids=str)
def test_a_model_of_the_highest_version_runs(run, versions):
    assert output(run(identity(**versions), [1, 2]))["values"] == [1.0, 2.0]


@pytest.mark.parametrize(("versions", "reason", "highest"), NEWER, ids=str)
def test_a_model_of_a_newer_version_is_refused_with_onnxruntimes_reason_and_the_highest(run, versions, reason, highest):
    said = refused(run(identity(**versions), [1, 2]))
    assert reason in said
    assert highest in said
    assert "/onnxruntime_src" not in said


def test_an_operator_that_onnxruntime_lacks_is_named(run):
    unknown = model([Node("Teleport", ["x"], ["y"])], [Value("x")], [Value("y")])
    said = refused(run(unknown, [1, 2]))
    assert "No Op registered for Teleport with domain_version of 17" in said
    assert "opset 17 of ai.onnx" in said


def test_equal_maps_give_equal_bytes(run):
    zipped = zipmap("classlabels_strings", ["b", "a"])
    first, second = (run(zipped, [[0.25, 0.75]], at=at).files for at in ("first", "second"))
    assert json.loads(first["result.json"]) == json.loads(second["result.json"])
    assert first["outputs.npz"] == second["outputs.npz"]
