"""A few lines of protocol buffers: enough to write tiny ONNX models (onnx.proto3 of ONNX 1.15, IR version 8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FLOAT, INT64, STRING, BOOL, FLOAT16, DOUBLE, BFLOAT16 = 1, 7, 8, 9, 10, 11, 16  # TensorProto.DataType


@dataclass(frozen=True)
class Value:
    """An input or output of a graph; a text in the shape stands for any size, no shape for any rank."""

    name: str | bytes
    kind: int = FLOAT
    shape: tuple[int | str, ...] | None = (2,)
    sequence: bool = False  #: of such tensors or maps
    map_key: int | None = None  #: a map from this type to ``kind``
    depth: int = 1  #: of nested sequences


@dataclass(frozen=True)
class Node:
    operator: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: bytes = b""
    domain: str = ""


@dataclass(frozen=True)
class Weights:
    """A tensor inside the file, or with a location in the file beside it, from ``offset`` on."""

    name: str
    kind: int
    shape: tuple[int, ...]
    raw: bytes = b""
    location: str = ""
    offset: int | None = None
    length: int | None = None


def model(
    nodes: Sequence[Node],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    *,
    weights: Sequence[Weights] = (),
    ir_version: int = 8,
    opsets: Mapping[str, int] | None = None,
) -> bytes:
    graph = b"".join(
        (
            *(_bytes(1, _node(node)) for node in nodes),
            _bytes(2, b"graph"),
            *(_bytes(5, tensor(each)) for each in weights),
            *(_bytes(11, _value(value)) for value in inputs),
            *(_bytes(12, _value(value)) for value in outputs),
        )
    )
    imported = (_opset(*each) for each in (opsets or {"": 17}).items())
    return _number(1, ir_version) + _bytes(7, graph) + b"".join(_bytes(8, each) for each in imported)


def adding(shape: tuple[int | str, ...] | None = (2,), kind: int = FLOAT) -> bytes:
    """Return a model of two inputs, a and b, whose output is their sum."""
    return model(
        [Node("Add", ["a", "b"], ["sum"])],
        [Value("a", kind, shape), Value("b", kind, shape)],
        [Value("sum", kind, shape)],
    )


def passing(shape: tuple[int | str, ...] | None = (2,), kind: int = FLOAT) -> bytes:
    """Return a model of one input, x, whose output is the input."""
    return model([Node("Identity", ["x"], ["y"])], [Value("x", kind, shape)], [Value("y", kind, shape)])


def tensor(weights: Weights) -> bytes:
    """Return a TensorProto."""
    stated = b"".join(_number(1, size) for size in weights.shape) + _number(2, weights.kind)
    stated += _bytes(8, weights.name.encode())
    if not weights.location:
        return stated + _bytes(9, weights.raw)
    entries = {"location": weights.location, "offset": weights.offset, "length": weights.length}
    texts = {key: str(value) for key, value in entries.items() if value is not None}
    external = (_bytes(13, _bytes(1, key.encode()) + _bytes(2, value.encode())) for key, value in texts.items())
    return stated + b"".join(external) + _number(14, 1)


def tensor_attribute(name: str, weights: Weights) -> bytes:
    return _bytes(5, _bytes(1, name.encode()) + _bytes(5, tensor(weights)) + _number(20, 4))


def texts_attribute(name: str, values: Sequence[str]) -> bytes:
    strings = b"".join(_bytes(9, value.encode()) for value in values)
    return _bytes(5, _bytes(1, name.encode()) + strings + _number(20, 8))


def integers_attribute(name: str, values: Sequence[int]) -> bytes:
    numbers = b"".join(_number(8, value % 2**64) for value in values)
    return _bytes(5, _bytes(1, name.encode()) + numbers + _number(20, 7))


def text_attribute(name: str, value: str) -> bytes:
    return _bytes(5, _bytes(1, name.encode()) + _bytes(4, value.encode()) + _number(20, 3))


def integer_attribute(name: str, value: int) -> bytes:
    return _bytes(5, _bytes(1, name.encode()) + _number(3, value) + _number(20, 2))


def _node(node: Node) -> bytes:
    names = (*(_bytes(1, n.encode()) for n in node.inputs), *(_bytes(2, n.encode()) for n in node.outputs))
    domain = _bytes(7, node.domain.encode()) if node.domain else b""
    return b"".join(names) + _bytes(4, node.operator.encode()) + node.attributes + domain


def _value(value: Value) -> bytes:
    sizes = b"".join(_bytes(1, _size(size)) for size in value.shape or ())
    shape = b"" if value.shape is None else _bytes(2, sizes)
    kind = _bytes(1, _number(1, value.kind) + shape)
    if value.map_key is not None:
        kind = _bytes(5, _number(1, value.map_key) + _bytes(2, kind))
    for _ in range(value.depth if value.sequence or value.depth > 1 else 0):
        kind = _bytes(4, _bytes(1, kind))
    name = value.name.encode() if isinstance(value.name, str) else value.name
    return _bytes(1, name) + _bytes(2, kind)


def _opset(domain: str, version: int) -> bytes:
    return (_bytes(1, domain.encode()) if domain else b"") + _number(2, version)


def _size(size: int | str) -> bytes:
    return _number(1, size) if isinstance(size, int) else _bytes(2, size.encode())


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    more = value >> 7
    return bytes([value & 127 | (128 if more else 0)]) + (_varint(more) if more else b"")
