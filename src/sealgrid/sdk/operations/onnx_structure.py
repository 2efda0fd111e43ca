"""Reads the structure of an ONNX file (onnx.proto) without its weights: versions, inputs and outputs."""

import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.other_formats import other_format
from sealgrid.sdk.operations.protobuf import BYTES, VARINT, WireField, fields, signed, text

# the numbers of fields, by message
IR_VERSION, GRAPH, OPSET_IMPORT = 1, 7, 8  # ModelProto
INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 5, 11, 12  # GraphProto
TENSOR_NAME = 8  # TensorProto
VALUE_NAME, VALUE_TYPE = 1, 2  # ValueInfoProto
TENSOR_TYPE, SEQUENCE_TYPE, MAP_TYPE, OPTIONAL_TYPE = 1, 4, 5, 9  # TypeProto
ELEMENT_TYPE, TENSOR_SHAPE = 1, 2  # TypeProto.Tensor; also of a sequence's and an optional's element
KEY_TYPE, MAP_VALUE_TYPE = 1, 2  # TypeProto.Map
DIMENSION, DIM_VALUE, DIM_PARAM = 1, 1, 2  # TensorShapeProto
OPSET_DOMAIN, OPSET_VERSION = 1, 2  # OperatorSetIdProto

#: TensorProto.DataType, as NumPy calls it
DTYPES: Final[Mapping[int, str]] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
}

_MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class OnnxStructure:
    """What an ONNX file states about itself."""

    ir_version: int
    opsets: Mapping[str, int]  #: by domain; "" is ONNX's own
    signature: ModelSignature


def read_structure(path: Path) -> OnnxStructure:
    """Return the structure of an ONNX file; raise InputRefused for any other file.

    (1) It is not empty. (2) It is not another well-known kind of file. (3) It is protobuf from its first to its last
    byte, and so is its graph. (4) It has an IR version and a graph, as every ModelProto has.
    """
    with mapped(path) as content:
        try:
            found = _structure(content)
        except ValueError as error:  # (3)
            raise InputRefused(f"{path.name} is not an ONNX model ({error}); export the model to ONNX.") from error
    if found is None:  # (4)
        raise InputRefused(
            f"{path.name} is not an ONNX model (it has no IR version or no graph); export the model to ONNX."
        )
    return found


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """Map a model's file into memory, so its weights are not read; raise InputRefused for (1) and (2)."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:  # (1)
            raise InputRefused(f"{path.name} is empty, not an ONNX model.")
        if (kind := other_format(file)) is not None:  # (2)
            raise InputRefused(f"{path.name} is not an ONNX model but {kind}.")
        # Not closed here: parts of the view may live on in the traceback of an error.
        yield memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _structure(content: memoryview) -> OnnxStructure | None:
    ir_version, opsets = 0, dict[str, int]()
    signature: ModelSignature | None = None
    for field in fields(content):
        if (field.number, field.kind) == (IR_VERSION, VARINT):
            ir_version = field.value
        elif (field.number, field.kind) == (GRAPH, BYTES):
            signature = _signature(field.content)
        elif (field.number, field.kind) == (OPSET_IMPORT, BYTES):
            parts = _by_number(field.content)
            domain, version = parts.get(OPSET_DOMAIN), parts.get(OPSET_VERSION)
            opsets[text(domain.content) if domain else ""] = version.value if version else 0
    return OnnxStructure(ir_version, opsets, signature) if ir_version and signature is not None else None


def _signature(graph: memoryview) -> ModelSignature:
    inputs, outputs, initialized = [], [], set[str]()
    for field in fields(graph):
        if field.kind != BYTES:
            continue
        if field.number == GRAPH_INPUT:
            inputs.append(_spec(field.content))
        elif field.number == GRAPH_OUTPUT:
            outputs.append(_spec(field.content))
        elif field.number == INITIALIZER and (name := _by_number(field.content).get(TENSOR_NAME)) is not None:
            initialized.add(text(name.content))
    # Before IR version 4, a weight was an input with a default value.
    wanted = tuple(each for each in inputs if each.name not in initialized)
    return ModelSignature(inputs=wanted, outputs=tuple(outputs), checked="structure")


def _spec(value: memoryview) -> TensorSpec:
    parts = _by_number(value)
    name, kind = parts.get(VALUE_NAME), parts.get(VALUE_TYPE)
    dtype, shape = _type(kind.content) if kind else ("unknown", None)
    return TensorSpec(name=text(name.content) if name else "", dtype=dtype, shape=shape)


def _type(kind: memoryview, depth: int = 0) -> tuple[str, tuple[int | str | None, ...] | None]:
    if depth > _MAX_DEPTH:
        raise ValueError("its types are nested too deeply")
    for field in fields(kind):
        if field.kind != BYTES:
            continue
        parts = _by_number(field.content)
        if field.number == TENSOR_TYPE:
            element, shape = parts.get(ELEMENT_TYPE), parts.get(TENSOR_SHAPE)
            return _dtype(element), _shape(shape.content) if shape else None
        if field.number in (SEQUENCE_TYPE, OPTIONAL_TYPE) and (element := parts.get(ELEMENT_TYPE)) is not None:
            outer = "sequence" if field.number == SEQUENCE_TYPE else "optional"
            return f"{outer}({_type(element.content, depth + 1)[0]})", None
        if field.number == MAP_TYPE and (element := parts.get(MAP_VALUE_TYPE)) is not None:
            return f"map({_dtype(parts.get(KEY_TYPE))},{_type(element.content, depth + 1)[0]})", None
    return "unknown", None


def _shape(shape: memoryview) -> tuple[int | str | None, ...]:
    return tuple(_size(field.content) for field in fields(shape) if (field.number, field.kind) == (DIMENSION, BYTES))


def _size(dimension: memoryview) -> int | str | None:
    for field in fields(dimension):
        if (field.number, field.kind) == (DIM_VALUE, VARINT):
            size = signed(field.value)
            return size if 0 <= size < 1 << 53 else None
        if (field.number, field.kind) == (DIM_PARAM, BYTES):
            return text(field.content)[:256] or None
    return None


def _dtype(element: WireField | None) -> str:
    number = element.value if element else 0
    return DTYPES.get(number, f"type {number}")


def _by_number(message: memoryview) -> dict[int, WireField]:
    return {field.number: field for field in fields(message)}
