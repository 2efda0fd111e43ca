"""Before a purchase, a file of tensors is read with the app's own code for the model's signature; others pass."""

import json
from pathlib import Path

import msgspec
import pytest

from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.tensor_file_checks import check_tensor_file, check_tensor_files
from tests.unit.shipped_apps.app_process import bundled

COLUMNS = ModelSignature(
    inputs=(
        TensorSpec(name="age", dtype="int64", shape=("batch", 1)),
        TensorSpec(name="city", dtype="string", shape=("batch", 1)),
    ),
    outputs=(),
    checked="inference",
)
ROWS = [{"age": 20, "city": "Köln"}, {"age": 30, "city": "Paris"}]


@pytest.fixture(scope="module")
def onnx_runner():
    return bundled("onnx_runner")[1].manifest


async def check(manifest, content: object, signature=COLUMNS) -> None:
    await check_tensor_files(manifest, [("x.json", json.dumps(content).encode())], signature, lambda step: None)


@pytest.mark.parametrize(
    "content",
    [ROWS, ROWS[0], {"age": [20], "city": ["Köln"]}, {"age": {"0": 20}, "city": {"0": "Köln"}}],
    ids=["records", "one record", "lists", "columns"],
)
async def test_what_the_app_takes_passes(onnx_runner, content):
    await check(onnx_runner, content)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"city": 5}, "'city' takes text, not numbers"),
        ({"city": None}, "'city' takes text, not a missing value"),
        ({"age": None}, "'age' has a missing value"),
        ({"age": 20.5}, "20.5 is not a whole number"),
        ({"age": 10**19}, "numbers too large for int64"),
        ({"member": True}, "record 2 and record 1 have different names: 'member'"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_the_app_would_refuse_is_refused_with_the_files_name(onnx_runner, change, reason):
    with pytest.raises(InputRefused, match=rf"onnx-runner cannot use 'x.json' with this model: .*{reason}"):
        await check(onnx_runner, [ROWS[0], {**ROWS[1], **change}])


@pytest.mark.parametrize(
    ("dtype", "taken", "refused"),
    [
        ("map(string,float32)", {"a": 1.5}, {"a": "b"}),
        ("sequence(int64)", [[1], [2, 3]], [[1.5]]),
        ("bfloat16", [1.5], ["a"]),
    ],
)
async def test_every_kind_that_a_signature_names_is_the_apps_kind(onnx_runner, dtype, taken, refused):
    signature = ModelSignature(inputs=(TensorSpec(name="x", dtype=dtype, shape=None),), outputs=(), checked="inference")
    await check(onnx_runner, taken, signature)
    with pytest.raises(InputRefused):
        await check(onnx_runner, refused, signature)


async def test_other_apps_and_models_without_a_signature_get_any_file(onnx_runner):
    await check(bundled("hash_file")[1].manifest, {"wrong": 1})
    await check(onnx_runner, {"wrong": 1}, signature=None)


CASES = json.loads(Path("tests/unit/bundle/tensor_cases.json").read_text())
READ = [case for case in CASES["cases"] if case["signature"] != "scalar"]  # onnxruntime itself refuses a scalar's shape


@pytest.mark.parametrize("case", READ, ids=lambda case: f"{case['signature']} {case['document'][:40]}")
def test_the_app_refuses_what_the_check_without_its_code_refuses(case):
    inputs = msgspec.convert(CASES["signatures"][case["signature"]], tuple[TensorSpec, ...])
    signature = ModelSignature(inputs=inputs, outputs=(), checked="inference")
    if "fault" not in case:
        check_tensor_file("x.json", case["document"].encode(), signature)
        return
    with pytest.raises(InputRefused):
        check_tensor_file("x.json", case["document"].encode(), signature)
