"""Reads an ONNX file's named tensors and metadata: the part of Protocol Buffers that they need, and nothing executable.

Field numbers are those of onnx.proto3: ModelProto graph 7 and metadata_props 14, GraphProto initializer 5, TensorProto
dims 1, data_type 2, float_data 4, int64_data 7, name 8, raw_data 9.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ReadingsRefused

MAX_BYTES = 16 << 20
MAX_VALUES = 1 << 21  #: of one tensor

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT, _INT64 = 1, 7  #: TensorProto.DataType
_DTYPES: dict[int, np.dtype[Any]] = {_FLOAT: np.dtype("<f4"), _INT64: np.dtype("<i8")}


@dataclass(frozen=True)
class OnnxFile:
    """What a model's file says besides its operators."""

    tensors: Mapping[str, np.ndarray]
    metadata: Mapping[str, str]


def read_onnx(content: bytes) -> OnnxFile:
    """Return the tensors of type float and int64, and the metadata; raise ReadingsRefused for anything but a model."""
    if len(content) > MAX_BYTES:
        raise ReadingsRefused(f"the model's file has more than {MAX_BYTES >> 20} MiB.")
    tensors: dict[str, np.ndarray] = {}
    metadata: dict[str, str] = {}
    try:
        for number, value in _fields(content):
            if number == 7 and isinstance(value, bytes):
                tensors |= dict(_tensor(each) for at, each in _fields(value) if at == 5 and isinstance(each, bytes))
            elif number == 14 and isinstance(value, bytes):
                entry = {at: text for at, text in _fields(value) if isinstance(text, bytes)}
                metadata[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
    except (ValueError, IndexError) as error:
        raise ReadingsRefused(
            "the model is not an ONNX file that ados can read; train one with `sealgrid ados train`."
        ) from error
    return OnnxFile(tensors, metadata)


def _tensor(message: bytes) -> tuple[str, np.ndarray]:
    dims: list[int] = []
    name, kind, raw = "", 0, bytearray()
    numbers: list[int] = []
    for number, value in _fields(message):
        if number == 1:
            dims += _packed(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 4 and isinstance(value, bytes):
            raw += value
        elif number == 7:
            numbers += _packed(value)
        elif number == 8 and isinstance(value, bytes):
            name = value.decode()
        elif number == 9 and isinstance(value, bytes):
            raw = bytearray(value)
    dtype = _DTYPES.get(kind)
    if dtype is None:
        return name, np.empty(0)
    array = np.array(numbers, dtype=dtype) if numbers else np.frombuffer(raw, dtype)
    if any(not 0 <= size <= MAX_VALUES for size in dims) or array.size > MAX_VALUES:
        raise ValueError(name)
    return name, array.reshape(dims)


def _packed(value: int | bytes) -> list[int]:
    """Return one number, or those of a packed field, as signed 64-bit ones."""
    if isinstance(value, int):
        return [_signed(value)]
    numbers, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        numbers.append(_signed(number))
    return numbers


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and value of each field."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(kind)
        if at + size > len(message):
            raise ValueError(size)
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    raise ValueError(at)
