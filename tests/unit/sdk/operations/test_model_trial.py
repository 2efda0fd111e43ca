"""Before a model is sealed, onnx-runner opens it in its sandbox and runs one inference."""

import json

import pytest

from sealgrid.bundle.model_signature import TensorSpec
from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.operations.model_trial import try_model
from tests.unit.shipped_apps.onnx_writer import INT64, STRING, Node, Value, adding, integers_attribute, model, passing


@pytest.fixture
def attempt(tmp_path):
    def tried(content: bytes, example: object = None):
        (tmp_path / "sealed").write_bytes(content)
        if example is not None:
            (tmp_path / "example").write_text(json.dumps(example))
        return try_model(tmp_path / "sealed", "m.onnx", None if example is None else tmp_path / "example")

    return tried


def test_a_model_reports_its_signature_after_one_inference(attempt):
    trial = attempt(adding(("batch", 3)))
    a, b = (TensorSpec(name=name, dtype="float32", shape=("batch", 3)) for name in "ab")
    assert trial.signature.inputs == (a, b)
    assert [each.name for each in trial.signature.outputs] == ["sum"]
    assert (trial.signature.checked, trial.failure, trial.left_out) == ("inference", "", ())


def test_a_classifiers_maps_are_reported_as_a_matrix_with_classes(attempt):
    maps = Value("p", map_key=INT64, sequence=True)
    nodes = [Node("ZipMap", ["x"], ["p"], integers_attribute("classlabels_int64s", [3, 7]), domain="ai.onnx.ml")]
    trial = attempt(model(nodes, [Value("x", shape=("n", 2))], [maps], opsets={"": 17, "ai.onnx.ml": 3}))
    assert trial.signature.outputs == (TensorSpec(name="p", dtype="float32", shape=(None, 2), classes=(3, 7)),)


def test_classes_and_sizes_that_a_signature_cannot_state_are_left_out(attempt):
    maps = Value("p", map_key=INT64, sequence=True)
    classes = integers_attribute("classlabels_int64s", [3, 2**60])
    nodes = [Node("ZipMap", ["x"], ["p"], classes, domain="ai.onnx.ml")]
    trial = attempt(model(nodes, [Value("x", shape=("n" * 300, 2))], [maps], opsets={"": 17, "ai.onnx.ml": 3}))
    assert trial.signature.outputs == (TensorSpec(name="p", dtype="float32", shape=(None, 2)),)
    assert trial.signature.inputs == (TensorSpec(name="x", dtype="float32", shape=(None, 2)),)


def test_a_model_whose_outputs_no_file_can_hold_is_refused(attempt):
    long = "y" * 70_000
    nodes = [Node("Identity", ["x"], [long])]
    with pytest.raises(InputRefused, match="a name that is too long for a file"):
        attempt(model(nodes, [Value("x")], [Value(long)]))


def test_generated_inputs_have_the_types_that_the_model_takes(attempt):
    nodes = [Node("Identity", ["t"], ["u"]), Node("Identity", ["n"], ["m"])]
    values = [Value("t", STRING, ("n", 1)), Value("n", INT64, ())]
    trial = attempt(model(nodes, values, [Value("u", STRING, ("n", 1)), Value("m", INT64, ())]))
    assert trial.failure == ""
    assert [each.dtype for each in trial.signature.inputs] == ["string", "int64"]


PICKY = model(
    [Node("Reshape", ["x", "shape"], ["y"])],
    [Value("x", shape=(3,)), Value("shape", INT64, (2,))],
    [Value("y", shape=None)],
)


def test_a_model_that_runs_no_generated_input_is_opened_and_says_why(attempt):
    trial = attempt(PICKY)
    assert trial.signature.checked == "opening"
    assert "does not run on this input" in trial.failure


def test_the_owners_input_is_run_and_a_wrong_one_is_refused(attempt):
    assert attempt(PICKY, {"x": [1, 2, 3], "shape": [3, 1]}).signature.checked == "inference"
    with pytest.raises(
        InputRefused, match=r"m\.onnx cannot be sold, onnx-runner refuses it: the model does not run on"
    ):
        attempt(PICKY, {"x": [1, 2, 3], "shape": [2, 1]})
    with pytest.raises(InputRefused, match="the input 'shape' is missing"):
        attempt(PICKY, {"x": [1, 2, 3]})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (passing()[:60], "is not an ONNX model that onnxruntime can open"),
        (model([Node("Teleport", ["x"], ["y"])], [Value("x")], [Value("y")]), "Teleport"),
        (model([], [Value("x")], [Value("x")], opsets={"": 999}), "opset 999"),
    ],
)
def test_a_model_that_the_app_refuses_is_refused_with_its_reason(attempt, content, reason):
    with pytest.raises(InputRefused, match=reason):
        attempt(content)


def test_an_example_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "m.onnx").write_bytes(passing())
    with pytest.raises(InputRefused, match=r"nothing.json cannot be read"):
        try_model(tmp_path / "m.onnx", "m.onnx", tmp_path / "nothing.json")


def test_without_bubblewrap_the_trial_is_impossible_and_says_why(attempt, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SetupMissing, match="bubblewrap is not installed"):
        attempt(passing())


def test_a_kernel_that_refuses_the_sandbox_makes_the_trial_impossible_and_says_why(attempt, monkeypatch, tmp_path):
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupMissing) as missing:
        attempt(passing())
    assert missing.value.message


def test_without_the_wheels_the_trial_is_impossible_and_says_why(attempt, monkeypatch):
    monkeypatch.setattr(shipped_apps, "wheel_folder", lambda: None)
    with pytest.raises(SetupMissing, match="wheels of onnx-runner are not on this machine"):
        attempt(passing())
