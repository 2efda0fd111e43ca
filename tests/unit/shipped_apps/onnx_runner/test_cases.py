"""Models and inputs as newcomers had them, in ``cases``: each has the right answer, or a refusal that says what to do."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.file_checks import prepare_onnx
from tests.unit.shipped_apps.onnx_writer import passing

CASES = Path(__file__).parent / "cases"

ANSWERS = [
    ("m02_boat_pipeline", "m02_input.json", "probabilities", [[0.9528444, 0.0471556], [0.0583531, 0.9416469]]),
    ("m03_spam_text", "m03_input.json", "probabilities", [[0.1555795, 0.8444204]]),
    ("m05_newer_ir", "m05_input.json", "y", [1.0, 0.0]),
    ("m08_float16", "m08_input.json", "y", [[0.1, 2.0, 65504.0]]),
    ("m10_imputer", "m10_input.npy", "probabilities", [[0.2619054, 0.7380946]]),
    ("m10_imputer", "m10_input_nan.json", "probabilities", [[0.2619054, 0.7380946]]),
    ("m10_imputer", "m10_input_null.json", "probabilities", [[0.2619054, 0.7380946]]),
    ("m11_tokens", "m11_input.json", "last_hidden_state", [[742.0]]),
    ("m11_tokens", "m11_input_decimals.json", "last_hidden_state", [[742.0]]),
    ("m11_tokens", "m11_input_mask_bool.json", "last_hidden_state", [[742.0]]),
    ("m13_map_input", "m13_input.json", "probabilities", [[0.8935862, 0.1064138]]),
    ("m10_imputer", "m14_records.json", "probabilities", [[0.0066891, 0.9933109]]),
    ("m10_imputer", "m14_split.json", "probabilities", [[0.0066891, 0.9933109]]),
    ("m10_imputer", "m18_no_batch.json", "probabilities", [[0.0066891, 0.9933109]]),
    ("m15_bfloat16", "m05_input.json", "y", [1.0, -2.0]),
    ("m16_any_batch", "m16_zero_rows.json", "y", []),
    ("m16_any_batch", "m16_zero_rows.npy", "y", []),
]


@pytest.mark.parametrize(("model", "given", "output", "values"), ANSWERS, ids=lambda value: str(value)[:24])
def test_a_model_that_newcomers_had_gives_the_right_answer(run, model, given, output, values):
    ran = run((CASES / f"{model}.onnx").read_bytes(), (CASES / given).read_bytes())
    assert (ran.code, ran.errors) == (0, "")
    found = ran.result["outputs"][output]["values"]
    assert np.shape(found) == np.shape(values)
    assert np.allclose(found, values, rtol=1e-3)
    assert "left_out" not in ran.result


@pytest.mark.parametrize("given", ["m20_powershell_utf16.json", "m20_utf8_bom.json"])
def test_json_with_a_byte_order_mark_is_read(run, given):
    ran = run(passing(("rows", 3)), (CASES / given).read_bytes())
    assert np.allclose(ran.result["outputs"]["y"]["values"], [[0.14, 0.26, 99.0]])


@pytest.mark.parametrize(
    ("model", "given", "reason"),
    [
        ("m06_newer_opset", "m05_input.json", "opset 40 of ai.onnx (highest possible: 28)"),
        ("m10_imputer", "m14_row.csv", "neither JSON nor a NumPy file (.npy or .npz): line 1, column 1"),
        (
            "m10_imputer",
            "m20_single_quotes.json",
            "neither JSON nor a NumPy file (.npy or .npz): line 1, column 1",
        ),  # 18 from Python 3.13
        ("m17_vision", "m05_input.json", "the input 'image' has 1 dimensions; the model takes [1, 3, 8, 8]"),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(run, model, given, reason):
    ran = run((CASES / f"{model}.onnx").read_bytes(), (CASES / given).read_bytes())
    assert ran.code == 2
    assert reason in ran.errors
    assert ran.errors.count("\n") == 1


MODELS = sorted(path.stem for path in CASES.glob("*.onnx"))
NEEDS_OWN_INPUT = {"m02_boat_pipeline": "m02_input.json"}  # its encoder knows no other categories than its own
REFUSED = {"m06_newer_opset": "opset 40 of ai.onnx", "m19_lfs_pointer": "a Git LFS pointer .*git lfs pull"}


@pytest.mark.parametrize("model", [name for name in MODELS if name not in REFUSED])
def test_publishing_opens_the_model_and_runs_it_once(model, tmp_path):
    own = NEEDS_OWN_INPUT.get(model)
    prepared = prepare_onnx(CASES / f"{model}.onnx", tmp_path, CASES / own if own else None)
    assert prepared.signature is not None
    assert prepared.signature.checked == "inference", prepared.notices


def test_publishing_says_that_a_model_runs_no_generated_input(tmp_path):
    prepared = prepare_onnx(CASES / "m02_boat_pipeline.onnx", tmp_path)
    assert prepared.signature.checked == "opening"
    assert "runs none of the inputs that it generated" in prepared.notices[0]
    assert "Unknown Category" in prepared.notices[0]
    assert "--try FILE" in prepared.notices[0]


@pytest.mark.parametrize("model", sorted(REFUSED))
def test_publishing_refuses_what_no_run_could_open(model, tmp_path):
    with pytest.raises(InputRefused, match=REFUSED[model]):
        prepare_onnx(CASES / f"{model}.onnx", tmp_path)


def test_weights_in_a_second_file_are_inside_the_file_that_is_sealed(run, tmp_path):
    prepared = prepare_onnx(CASES / "m04_external.onnx", tmp_path)
    assert prepared.notices == ("the weights of m04_external.onnx.data are inside the sealed file.",)
    ran = run(prepared.path.read_bytes(), (CASES / "m04_input.json").read_bytes())
    assert np.allclose(ran.result["outputs"]["y"]["values"], [[10.216422, -0.2903497, 2.1352041]])


def test_weights_that_were_left_behind_are_named(tmp_path):
    shutil.copy(CASES / "m04_external.onnx", tmp_path)
    with pytest.raises(
        InputRefused, match=r"has its weights in the file 'm04_external\.onnx\.data', which is not beside it"
    ):
        prepare_onnx(tmp_path / "m04_external.onnx", tmp_path)
