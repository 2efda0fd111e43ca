"""The JSON Schema that is generated from an input specification."""

import msgspec

from sealgrid.bundle.input_schema import DIALECT, input_schema
from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec, SecretSpec
from sealgrid.bundle.manifest import SCHEMA_WITH_INPUTS
from tests.unit.bundle.test_manifest import MANIFEST


def schema_of(spec: InputSpec) -> dict:
    return input_schema(msgspec.structs.replace(MANIFEST, schema=SCHEMA_WITH_INPUTS, inputs=spec))


def test_a_schema_has_every_input_with_its_bounds():
    schema = schema_of(
        InputSpec(
            model="required",
            files=FileSpec(max=3, media_types=("image/png",), max_bytes=300),
            arguments=(
                ArgumentSpec(name="--top", type="integer", minimum=1, maximum=9, default="3", help="how many"),
                ArgumentSpec(name="--fast", type="flag"),
                ArgumentSpec(name="CITY", required=True, repeated=True, choices=("Oslo", "Rome")),
            ),
            secrets=(SecretSpec(number=1, help="a token"),),
        )
    )
    assert (schema["$schema"], schema["required"]) == (DIALECT, ["model", "files", "args", "secrets"])
    files, args = schema["properties"]["files"], schema["properties"]["args"]
    assert (files["minItems"], files["maxItems"]) == (1, 3)
    assert files["items"]["properties"]["content"] == {
        "type": "string",
        "contentEncoding": "base64",
        "maxLength": 400,
        "anyOf": [{"contentMediaType": "image/png"}],
    }
    assert args["properties"] == {
        "--top": {"type": "integer", "minimum": 1, "maximum": 9, "description": "how many", "default": 3},
        "--fast": {"type": "boolean"},
        "CITY": {"type": "array", "items": {"type": "string", "enum": ["Oslo", "Rome"]}},
    }
    assert args["required"] == ["CITY"]
    assert schema["properties"]["secrets"]["required"] == ["1"]
    assert schema["additionalProperties"] is False


def test_a_run_without_inputs_is_an_empty_object():
    schema = schema_of(InputSpec())
    assert (schema["properties"], schema["additionalProperties"], "required" in schema) == ({}, False, False)


def test_a_model_or_a_file_is_one_of_two():
    schema = schema_of(InputSpec(model="optional", files=FileSpec(min=0), model_or_file=True))
    assert [each["required"] for each in schema["anyOf"]] == [["model"], ["files"]]


def test_an_app_without_a_specification_takes_any_object():
    schema = input_schema(MANIFEST)
    assert schema["type"] == "object"
    assert "additionalProperties" not in schema
