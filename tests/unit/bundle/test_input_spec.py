"""The input specification of an app: which are refused, and that a manifest keeps one unchanged."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec, SecretSpec, check_spec, value_fault
from sealgrid.errors import BundleRefused

HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "howto" / "your-own-app.md"
CITY, TOP = ArgumentSpec(name="CITY"), ArgumentSpec(name="--top", type="integer")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (InputSpec(files=FileSpec(min=2, max=1)), "at least 2 and allow at most 1"),
        (InputSpec(files=FileSpec(example="absent.png")), "the example 'absent.png' is not a file of the app"),
        (InputSpec(arguments=(TOP, TOP)), "two arguments have the same name"),
        (InputSpec(secrets=(SecretSpec(number=1), SecretSpec(number=1))), "two secrets have the same number"),
        (InputSpec(arguments=(msgspec.structs.replace(TOP, default="x"),)), "--top takes a whole number, not 'x'"),
        (InputSpec(arguments=(msgspec.structs.replace(TOP, choices=("1", "x")),)), "takes a whole number, not 'x'"),
        (InputSpec(arguments=(msgspec.structs.replace(CITY, choices=("a",), default="b"),)), "one of a, not 'b'"),
        (InputSpec(arguments=(msgspec.structs.replace(CITY, minimum=1),)), "is a text and has no bounds"),
        (
            InputSpec(arguments=(msgspec.structs.replace(TOP, minimum=2, maximum=1),)),
            "minimum of 2 above its maximum of 1",
        ),
        (InputSpec(arguments=(msgspec.structs.replace(CITY, type="flag"),)), "is a flag"),
        (InputSpec(arguments=(ArgumentSpec(name="--a", type="flag", required=True),)), "is a flag"),
        (InputSpec(arguments=(msgspec.structs.replace(CITY, repeated=True), ArgumentSpec(name="X"))), "only the last"),
        (InputSpec(arguments=(CITY, ArgumentSpec(name="X", required=True))), "after an optional one"),
        (InputSpec(model="optional", model_or_file=True), "model_or_file needs an app that takes both"),
        (
            InputSpec(model="required", files=FileSpec(min=0), model_or_file=True),
            r"model = \"optional\" and files of min = 0",
        ),
        (
            InputSpec(model="optional", files=FileSpec(min=1), model_or_file=True),
            r"model = \"optional\" and files of min = 0",
        ),
    ],
)
def test_a_specification_that_no_run_can_meet_is_refused(spec, reason):
    with pytest.raises(BundleRefused, match=reason) as refused:
        check_spec(spec, {"main.py"})
    assert refused.value.check == "14"


def test_a_whole_specification_is_valid():
    check_spec(
        InputSpec(
            model="required",
            model_format="onnx",
            files=FileSpec(min=0, max=3, media_types=("image/png", "text/*"), example="example.png", help="pictures"),
            arguments=(msgspec.structs.replace(TOP, default="3", minimum=1, maximum=9), CITY),
            secrets=(SecretSpec(number=1, help="a token"),),
        ),
        {"main.py", "example.png"},
    )


@pytest.mark.parametrize(
    "document",
    [
        {"model": "perhaps"},
        {"modle": "required"},
        {"model_format": "ONNX model"},
        {"files": {"media_types": ["png"]}},
        {"files": {"max": 1001}},
        {"arguments": [{"name": "two words"}]},
        {"arguments": [{"name": "--top", "minimum": 2**60}]},
        {"secrets": [{"number": 0}]},
    ],
)
def test_a_malformed_specification_is_not_one(document):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, InputSpec)


@pytest.mark.parametrize("value", ["1", "-1", "+7", "007", "9" * 300])
def test_whole_numbers_are_whole_numbers(value):
    assert value_fault(TOP, value) is None


@pytest.mark.parametrize("value", ["", "1.0", "1e3", "१", "0x1", " 1", "1_000", "9" * 400])
def test_other_texts_are_no_whole_numbers(value):
    assert value_fault(TOP, value) == "a whole number"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_decimal_that_python_writes_is_a_number(value):
    assert value_fault(ArgumentSpec(name="--x", type="number"), repr(value)) is None


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "1,5", "one"])
def test_what_is_no_finite_decimal_is_no_number(value):
    assert value_fault(ArgumentSpec(name="--x", type="number"), value) == "a number"


def test_the_inputs_that_the_how_to_shows_are_a_valid_specification():
    (block,) = re.findall(r"```toml\n(\[inputs\].*?)```", HOW_TO.read_text(), re.DOTALL)
    spec = msgspec.convert(tomllib.loads(block)["inputs"], InputSpec)
    check_spec(spec, {"examples/car.png"})
    assert (spec.model, len(spec.arguments), len(spec.secrets)) == ("required", 2, 1)
