"""JSON Schema of what a run of an app takes, generated from its input specification (JSON Schema draft 2020-12).

The instance that it describes is an object with ``model``, ``files``, ``args`` and ``secrets``, as ``Client.run`` takes
them: files as objects with a name and the content in base64, arguments by their name.
"""

from typing import Any

from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec
from sealgrid.bundle.input_words import model_words
from sealgrid.bundle.manifest import Manifest

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {"text": "string", "integer": "integer", "number": "number", "flag": "boolean"}


def input_schema(manifest: Manifest) -> dict[str, Any]:
    """Return the JSON Schema of an app's inputs; an app without a specification takes anything."""
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": f"Inputs of {manifest.name} {manifest.version}",
        "description": manifest.description,
        "type": "object",
    }
    if not isinstance(manifest.inputs, InputSpec):
        return schema
    return schema | _of_spec(manifest.inputs)


def _of_spec(spec: InputSpec) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    if spec.model != "none":
        properties["model"] = {
            "type": "string",
            "minLength": 1,
            "description": f"name or address of {model_words(spec)}",
        }
        required += ["model"] if spec.model == "required" else []
    if spec.files is not None:
        properties["files"] = _files(spec.files)
        required += ["files"] if spec.files.min else []
    if spec.arguments:
        properties["args"] = _object({each.name: _argument(each) for each in spec.arguments})
        needed = [each.name for each in spec.arguments if each.required]
        properties["args"] |= {"required": needed} if needed else {}
        required += ["args"] if needed else []
    if spec.secrets:
        properties["secrets"] = _object(
            {str(each.number): {"type": "string", "description": each.help} for each in spec.secrets}
        )
        needed = [str(each.number) for each in spec.secrets if each.required]
        properties["secrets"] |= {"required": needed} if needed else {}
        required += ["secrets"] if needed else []
    schema = _object(properties) | ({"required": required} if required else {})
    if spec.model_or_file:
        one_file = {"required": ["files"], "properties": {"files": {"minItems": 1}}}
        schema |= {"anyOf": [{"required": ["model"]}, one_file]}
    return schema


def _files(files: FileSpec) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": "string",
        "contentEncoding": "base64",
        "maxLength": 4 * -(-files.max_bytes // 3),
    }
    if files.media_types:
        content["anyOf"] = [{"contentMediaType": kind} for kind in files.media_types]
    item = _object({"name": {"type": "string", "minLength": 1}, "content": content}) | {"required": ["name", "content"]}
    described = {"description": files.help} if files.help else {}
    return {"type": "array", "minItems": files.min, "maxItems": files.max, "items": item} | described


def _argument(argument: ArgumentSpec) -> dict[str, Any]:
    one: dict[str, Any] = {"type": _TYPES[argument.type]}
    if argument.choices:
        one["enum"] = [_typed(argument, choice) for choice in argument.choices]
    if argument.minimum is not None:
        one["minimum"] = argument.minimum
    if argument.maximum is not None:
        one["maximum"] = argument.maximum
    described: dict[str, Any] = {"description": argument.help} if argument.help else {}
    if argument.default:
        described["default"] = _typed(argument, argument.default)
    return ({"type": "array", "items": one} if argument.repeated else one) | described


def _typed(argument: ArgumentSpec, value: str) -> str | int | float:
    return int(value) if argument.type == "integer" else float(value) if argument.type == "number" else value


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}
