"""How long publishing checks a model of 10 MB before it seals it: structure, and one inference in the sandbox."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from sealgrid.sdk.operations.file_checks import prepare_onnx
from sealgrid.sdk.operations.protobuf import BYTES, varint

ROWS, COLUMNS = 1280, 2048  #: of a matrix of float32, 10.5 MB
TARGET = Target("≤", 3.0)


async def measure(context: Context) -> Figure:
    model = context.folder / "ten-megabytes.onnx"
    model.write_bytes(_multiplication())
    seconds = [await asyncio.to_thread(_check, model) for _ in range(context.either(3, 7))]
    rows = (
        Row(label="10 MB ONNX model, first", unit="s", samples=(seconds[0],), temperature="cold", target=TARGET),
        Row(label="10 MB ONNX model", unit="s", samples=tuple(seconds[1:]), temperature="warm", target=TARGET),
    )
    return Figure("check before publishing", rows)


def _check(model: Path) -> float:
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_onnx(model, Path(folder), None)
    seconds = time.perf_counter() - begun
    if prepared.signature is None or prepared.signature.checked != "inference":
        raise NotMeasured(f"the app did not run: {' '.join(prepared.notices)}")
    return seconds


def _multiplication() -> bytes:
    """Return a model that multiplies a row by a matrix of random weights (onnx.proto)."""
    node = _text(1, "x") + _text(1, "w") + _text(2, "y") + _text(4, "MatMul")
    weights = _number(1, ROWS) + _number(1, COLUMNS) + _number(2, 1) + _text(8, "w") + _field(9, _random())
    graph = _field(1, node) + _text(2, "graph") + _field(5, weights)
    graph += _field(11, _value("x", ROWS)) + _field(12, _value("y", COLUMNS))
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 17))


def _random() -> bytes:
    small = bytearray(os.urandom(4 * ROWS * COLUMNS))
    small[3::4] = bytes([0x3C]) * (ROWS * COLUMNS)  # the exponent of small positive numbers
    return bytes(small)


def _value(name: str, size: int) -> bytes:
    shape = _field(1, _number(1, 1)) + _field(1, _number(1, size))
    return _text(1, name) + _field(2, _field(1, _number(1, 1) + _field(2, shape)))


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _number(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)
