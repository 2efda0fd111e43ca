"""The check of a run's inputs before a deal: one case for each rule, which the browser's check passes too."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.input_check import OfferedInputs, check_inputs, parse_arguments
from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec
from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.errors import InputMismatch, from_wire

CASES = json.loads((Path(__file__).parent / "input_cases.json").read_text())
X = TensorSpec(name="x", dtype="float32", shape=(None, 3))
SIGNATURE = ModelSignature(inputs=(X,), outputs=(), checked="structure")
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
JSON_ONLY = InputSpec(files=FileSpec(media_types=("application/json",)))


def content_of(text: str) -> bytes:
    size, _, unit = text.partition(" ")
    return bytes(int(size)) if unit == "bytes" else text.encode("latin-1")


def offered(case: dict) -> OfferedInputs:
    return OfferedInputs(
        has_model=case.get("model", False),
        signature=SIGNATURE if case.get("format") == "onnx" else None,
        files=[(name, content_of(text)) for name, text in case.get("files", ())],
        args=case.get("args", ()),
        secrets=case.get("secrets", ()),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_inputs_are_taken_or_refused_with_the_check_and_one_sentence(case):
    spec = msgspec.convert(case["spec"], InputSpec)
    if "check" not in case:
        check_inputs("app", spec, offered(case))
        return
    with pytest.raises(InputMismatch) as refused:
        check_inputs("app", spec, offered(case))
    assert (refused.value.check, refused.value.message) == (case["check"], case["sentence"])


def test_a_file_of_tensors_is_compared_with_the_models_signature():
    spec = InputSpec(model="required", model_format="onnx", files=FileSpec(tensors=True))
    fitting, unfit = [("a.json", b"[[1, 2, 3]]")], [("a.json", b"[[1, 2]]")]
    check_inputs("app", spec, OfferedInputs(has_model=True, signature=SIGNATURE, files=fitting))
    check_inputs("app", spec, OfferedInputs(has_model=True, signature=None, files=unfit))
    check_inputs("app", InputSpec(model="required", files=FileSpec()), OfferedInputs(True, SIGNATURE, unfit))
    with pytest.raises(
        InputMismatch, match=r"'a\.json' does not fit the model: the input 'x' has the shape"
    ) as refused:
        check_inputs("app", spec, OfferedInputs(has_model=True, signature=SIGNATURE, files=unfit))
    assert refused.value.check == "inputs.8"


def test_every_check_of_the_docstring_but_the_contents_has_a_case():
    checks = {f"inputs.{number}" for number in range(1, 8)}
    assert all(f"({check})" in check_inputs.__doc__ for check in checks)
    assert {case["check"] for case in CASES if "check" in case} == checks - {"inputs.5"}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"{'a': 1}", "Expecting property name enclosed in double quotes in line 1, column 2"),
        (b'{"a": [1,\n2', "Expecting ',' delimiter in line 2, column 2"),
        (b"[" * 100_000, "nested too deeply"),
        ('{"größe": 1}'.encode("cp1252"), "it is not text in UTF-8, UTF-16 or UTF-32"),
        ('["größe'.encode()[:-2], "it is not text in UTF-8, UTF-16 or UTF-32"),
    ],
)
def test_json_that_is_not_well_formed_is_refused_with_the_place(content, fault):
    with pytest.raises(InputMismatch, match=fault) as refused:
        check_inputs("app", JSON_ONLY, OfferedInputs(files=[("a.json", content)]))
    assert refused.value.check == "inputs.5"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_of_every_editor_is_taken(encoding):
    check_inputs("app", JSON_ONLY, OfferedInputs(files=[("a", '{"größe": [1, null, NaN]}'.encode(encoding))]))


def test_a_deeper_check_of_a_type_refuses_its_content():
    checks = {"image/png": lambda content: "it is cut short" if len(content) < 20 else None}
    spec = InputSpec(files=FileSpec(media_types=("image/png",)))
    picture = b"\x89PNG\r\n\x1a\n"
    check_inputs("app", spec, OfferedInputs(files=[("a.png", picture + bytes(20))]), checks)
    with pytest.raises(InputMismatch, match=r"'a\.png' cannot be read: it is cut short\."):
        check_inputs("app", spec, OfferedInputs(files=[("a.png", picture)]), checks)


def test_arguments_are_parsed_by_name_and_position():
    spec = InputSpec(arguments=(ArgumentSpec(name="--top", type="integer"), ArgumentSpec(name="CITY", repeated=True)))
    assert parse_arguments("app", spec, ["Oslo", "--top", "-2", "Rome"]) == {"CITY": ["Oslo", "Rome"], "--top": ["-2"]}


@given(st.lists(st.text(max_size=20), max_size=6))
def test_any_words_are_parsed_or_refused(words):
    spec = InputSpec(arguments=(ArgumentSpec(name="--top", type="integer"), ArgumentSpec(name="--fast", type="flag")))
    try:
        values = parse_arguments("app", spec, words)
    except InputMismatch as error:
        refused = error.message
    else:
        refused = "."
        assert set(values) <= {"--top", "--fast"}
    assert refused.endswith(".")
    assert "\n" not in refused


def test_the_error_survives_the_wire():
    error = from_wire(InputMismatch("inputs.3", "app needs 1 file.").to_wire(), 400)
    assert isinstance(error, InputMismatch)
    assert (error.check, error.message) == ("inputs.3", "app needs 1 file.")
