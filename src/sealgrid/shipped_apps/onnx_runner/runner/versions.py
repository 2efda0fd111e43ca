"""The versions of ONNX that this onnxruntime runs, and those that a file states (ModelProto of onnx.proto)."""

from collections.abc import Iterator
from pathlib import Path

#: of onnxruntime 1.32; a test opens a model of each version and of the next one
MAX_IR_VERSION = 14
MAX_OPSETS = {"": 28, "ai.onnx.ml": 5}

_IR_VERSION, _OPSET_IMPORT = 1, 8
_DOMAIN, _VERSION = 1, 2
_VARINT_BYTES = 10  #: of 64 bits, seven in each byte
_LENGTHS = {1: 8, 5: 4}  #: of fields of a fixed size, by wire type


def stated_versions(path: Path) -> str:
    """Return a sentence on the file's versions and on the highest ones; empty if they cannot be read."""
    try:
        found = list(_fields(path.read_bytes()))
        ir_version = next(value for number, value in found if number == _IR_VERSION and isinstance(value, int))
        opsets = [_opset(value) for number, value in found if number == _OPSET_IMPORT and isinstance(value, bytes)]
    except (ValueError, IndexError, KeyError, StopIteration):
        return ""
    stated = [f"IR version {ir_version} (highest possible: {MAX_IR_VERSION})"]
    for domain, version in opsets:
        highest = f" (highest possible: {MAX_OPSETS[domain]})" if domain in MAX_OPSETS else ""
        stated.append(f"opset {version} of {domain or 'ai.onnx'}{highest}")
    return f"The model has {', '.join(stated)}."


def _opset(message: bytes) -> tuple[str, int]:
    domain, version = "", 0
    for number, value in _fields(message):
        if number == _DOMAIN and isinstance(value, bytes):
            domain = value.decode(errors="replace")
        elif number == _VERSION and isinstance(value, int):
            version = value
    return "" if domain == "ai.onnx" else domain, version


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        length, at = _varint(message, at) if kind == 2 else (_LENGTHS[kind], at)
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number and the place after it; raise ValueError for more bytes than one has."""
    value = 0
    for place in range(_VARINT_BYTES):
        byte = message[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError(f"a number has more than {_VARINT_BYTES} bytes")
