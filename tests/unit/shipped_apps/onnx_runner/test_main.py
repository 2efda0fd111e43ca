"""The ONNX runner as its sandbox runs it: inputs, arguments, outputs, and what it refuses."""

import hashlib
import io
import pickle
import zipfile

import numpy as np
import pytest

from tests.unit.shipped_apps.app_process import bundled
from tests.unit.shipped_apps.onnx_writer import (
    BOOL,
    INT64,
    STRING,
    Node,
    Value,
    adding,
    integer_attribute,
    model,
    passing,
)


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    written = io.BytesIO()
    np.save(written, array, allow_pickle=allow_pickle)
    return written.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


def refused(ran) -> str:
    assert ran.code == 2, ran.errors
    assert ran.errors.endswith("\n")
    assert ran.errors.count("\n") == 1
    assert ran.files == {}
    return ran.errors


SUM = {"dtype": "float32", "shape": [2], "values": [11.0, 22.5]}


def test_a_model_runs_on_named_lists(run):
    ran = run(adding(), {"a": [1, 2], "b": [10, 20.5]})
    assert (ran.code, ran.errors) == (0, "")
    assert ran.result["outputs"] == {"sum": SUM}
    assert ran.output_file == "result.json"


def test_a_model_runs_on_named_arrays(run):
    ran = run(adding(), npz(a=np.array([1, 2]), b=np.array([10, 20.5])))
    assert ran.result["outputs"] == {"sum": SUM}


@pytest.mark.parametrize("value", [[3, 4], {"x": [3, 4]}, npy(np.array([3, 4], dtype=">f8")), npz(x=np.array([3, 4]))])
def test_one_input_needs_no_name(run, value):
    assert run(passing(), value).result["outputs"]["y"]["values"] == [3.0, 4.0]


def test_a_scalar_and_a_tensor_of_any_rank_run(run):
    assert run(passing(shape=()), 5, at="scalar").result["outputs"]["y"] == {
        "dtype": "float32",
        "shape": [],
        "values": 5.0,
    }
    assert run(passing(shape=None), [[1], [2]], at="any").result["outputs"]["y"]["shape"] == [2, 1]


def test_a_named_dimension_takes_any_size(run):
    ran = run(passing(shape=("batch", 2)), [[1, 2], [3, 4], [5, 6]])
    assert ran.result["outputs"]["y"]["shape"] == [3, 2]


def test_the_archive_has_the_outputs_and_the_result_has_its_digest(run):
    ran = run(adding(), {"a": [1, 2], "b": [10, 20.5]})
    with np.load(io.BytesIO(ran.files["outputs.npz"]), allow_pickle=False) as outputs:
        assert outputs["sum"].dtype == np.float32
        assert outputs["sum"].tolist() == [11.0, 22.5]
    assert ran.result["npz_sha256"] == hashlib.sha256(ran.files["outputs.npz"]).hexdigest()


def test_equal_runs_give_equal_bytes_even_of_a_random_operator(run):
    noisy = model([Node("RandomUniformLike", ["x"], ["y"])], [Value("x")], [Value("y")])
    first, second = (run(noisy, [1, 2], at=at).files for at in ("first", "second"))
    assert {name: first[name] for name in ("result.json", "outputs.npz")} == {
        name: second[name] for name in ("result.json", "outputs.npz")
    }


def test_a_large_output_is_listed_by_its_shape_alone(run):
    ran = run(passing(shape=("n",)), npy(np.arange(10_001, dtype=np.float32)), "--top", "1")
    assert ran.result["outputs"]["y"] == {
        "dtype": "float32",
        "shape": [10_001],
        "top": {"places": [10_000], "values": [10_000.0]},
    }
    with np.load(io.BytesIO(ran.files["outputs.npz"])) as outputs:
        assert outputs["y"][-1] == 10_000


def test_the_highest_values_come_first_and_equal_ones_by_place(run):
    ran = run(passing(shape=("n", 4)), [[1, 3, 3, 2], [9, 0, -1, 8]], "--top", "3")
    top = ran.result["outputs"]["y"]["top"]
    assert top == {"places": [[1, 2, 3], [0, 3, 1]], "values": [[3.0, 3.0, 2.0], [9.0, 8.0, 0.0]]}


def test_a_top_above_the_size_lists_all_and_nan_is_never_the_highest(run):
    ran = run(passing(shape=("n",)), npy(np.array([np.nan, 1, -np.inf, np.inf])), "--top", "9")
    shown = ran.result["outputs"]["y"]
    assert shown["values"] == [None, 1.0, None, None]
    assert shown["top"]["places"][:2] == [3, 1]


TWO_OUTPUTS = model(
    [Node("Abs", ["x"], ["size"]), Node("Neg", ["x"], ["file"])], [Value("x")], [Value("size"), Value("file")]
)


def test_all_outputs_are_computed_unless_some_are_named(run):
    assert list(run(TWO_OUTPUTS, [1, -2], at="all").result["outputs"]) == ["size", "file"]
    named = run(TWO_OUTPUTS, [1, -2], "--outputs", "file", at="named")
    assert named.result["outputs"] == {"file": {"dtype": "float32", "shape": [2], "values": [-1.0, 2.0]}}
    with np.load(io.BytesIO(named.files["outputs.npz"])) as outputs:
        assert outputs.files == ["file"]


def test_whole_numbers_and_truth_keep_their_types(run):
    high = 2**63 - 1
    assert run(passing(kind=INT64), [high, -1], at="int").result["outputs"]["y"] == {
        "dtype": "int64",
        "shape": [2],
        "values": [high, -1],
    }
    assert run(passing(kind=BOOL), [True, False], at="bool").result["outputs"]["y"]["values"] == [True, False]


def test_text_outputs_are_written_without_a_pickle(run):
    words = model(
        [Node("Cast", ["x"], ["y"], integer_attribute("to", STRING))], [Value("x", INT64)], [Value("y", STRING)]
    )
    ran = run(words, [7, 8])
    assert ran.result["outputs"]["y"] == {"dtype": "string", "shape": [2], "values": ["7", "8"]}
    with np.load(io.BytesIO(ran.files["outputs.npz"]), allow_pickle=False) as outputs:
        assert outputs["y"].tolist() == ["7", "8"]


@pytest.mark.parametrize("content", [b"", b"no model", pickle.dumps({"a": 1}), adding()[:40], b"PK\x03\x04"])
def test_a_dataset_that_is_no_model_is_refused(run, content):
    assert "not an ONNX model" in refused(run(content, [1, 2]))


def test_a_job_without_a_model_is_refused(run):
    assert "there is no model" in refused(run(None, [1, 2]))


@pytest.mark.parametrize("inputs", [{}, {"a": b"[1, 2]", "b": b"[1, 2]"}])
def test_a_job_without_exactly_one_input_file_is_refused(run, inputs):
    assert "one input file" in refused(run(passing(), b"", inputs=inputs))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": [1, 2], "c": [1, 2]}, "the model has no input 'c'; it takes 'a', 'b'"),
        ({"a": [1, 2]}, "the input 'b' is missing"),
        ([1, 2], "the model has 2 inputs; name them: 'a', 'b'"),
        ({"a": [1, 2], "b": [[1, 2]]}, "the input 'b' has 2 dimensions; the model takes [2]"),
        ({"a": [1, 2], "b": [1, 2, 3]}, "the input 'b' has the shape [3]; the model takes [2]"),
        ({"a": [1, 2], "b": [1, [2]]}, "the input 'b' is not an array"),
        ({"a": [1, 2], "b": ["1", "2"]}, "the input 'b' takes float32, not text"),
        ({"a": [1, 2], "b": [1, {}]}, "the input 'b' takes float32, not an object"),
        ({"a": [1, 2], "b": [1, 1e300]}, "the input 'b' has numbers too large for float32"),
    ],
)
def test_an_input_that_does_not_fit_the_model_is_refused(run, value, reason):
    assert reason in refused(run(adding(), value))


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (INT64, [1.5, 2.0], "takes int64; 1.5 is not a whole number"),
        (INT64, [1, None], "has a missing value (null); its type int64 has none"),
        (INT64, npy(np.array([1, np.nan])), "takes int64; nan is not a whole number"),
        (INT64, npy(np.array([1, 2**63], dtype=np.float64)), "too large for int64"),
        (INT64, [2**63, 2**63], "too large for int64"),
        (INT64, [2**70, 0], "too large for int64"),
        (INT64, npy(np.array(["1", "2"])), "takes int64, not text"),
        (INT64, npy(np.array([1j, 2])), "is not numeric"),
        (BOOL, [0, 2], "too large for bool"),
        (STRING, [1, 2], "takes text, not numbers"),
        (STRING, ["a", None], "takes text, not a missing value (null)"),
        (STRING, npy(np.array([1, 2])), "takes text, not int64"),
    ],
)
def test_numbers_of_another_type_are_refused(run, kind, value, reason):
    assert reason in refused(run(passing(kind=kind), value))


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2", b"\xff\xfe", b"[" * 100_000, b"GIF89a"])
def test_a_file_of_another_format_is_refused(run, content):
    assert "neither JSON nor a NumPy file" in refused(run(passing(), content))


class Bomb:
    def __reduce__(self):
        return (open, ("pickle-ran", "w"))


BOMB = np.array([Bomb(), Bomb()], dtype=object)


def damaged_npz() -> bytes:
    content = bytearray(npz(x=np.arange(2, dtype=np.float32)))
    content[content.index(b"NUMPY") + 128] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        npy(BOMB, allow_pickle=True),
        npz(x=BOMB),
        pickle.dumps(BOMB),
        npy(np.arange(2))[:-1],
        b"PK\x03\x04",
        damaged_npz(),
    ],
    ids=["npy", "npz", "pickle", "cut", "no archive", "damaged"],
)
def test_a_pickle_or_a_damaged_file_is_refused_and_never_runs(run, tmp_path, content):
    assert "a pickle, which is refused" in refused(run(passing(), content))
    assert not list(tmp_path.rglob("pickle-ran"))


@pytest.mark.parametrize("member", ["readme.txt", "x.npy"])
def test_an_archive_of_other_files_is_refused(run, member):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(member, "text")
    refused(run(passing(), written.getvalue()))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--outputs", "other"), "the model has no output 'other'; it has 'sum'"),
        (("--top", "0"), "must be at least 1"),
        (("--top", "many"), "this app takes --outputs NAME,NAME and --top N"),
        (("--help",), "this app takes --outputs NAME,NAME and --top N"),
        (("extra",), "unrecognized arguments: extra"),
    ],
)
def test_an_invalid_argument_is_refused(run, arguments, reason):
    assert reason in refused(run(adding(), {"a": [1, 2], "b": [1, 2]}, *arguments))


def test_an_error_of_the_run_is_refused_in_one_line(run):
    ran = run(adding(shape=("n",)), {"a": [1, 2], "b": [1, 2, 3]})
    assert "the model does not run on this input" in refused(ran)


def test_its_bundle_names_the_two_wheels_that_it_needs():
    bundle, verified = bundled("onnx_runner")
    assert [f"{wheel.name}=={wheel.version}" for wheel in verified.manifest.wheels] == [
        "numpy==2.4.6",
        "onnxruntime==1.32.0",
    ]
    assert {path for path in verified.files if path.endswith("main.py")} == {"main.py"}
    assert bundled("onnx_runner")[0].archive == bundle.archive
