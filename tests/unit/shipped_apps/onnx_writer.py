"""A few lines of protocol buffers: enough to write tiny ONNX models (onnx.proto3 of ONNX 1.15, IR version 8)."""

from collections.abc import Sequence
from dataclasses import dataclass

FLOAT, INT64, STRING, BOOL = 1, 7, 8, 9  # TensorProto.DataType


@dataclass(frozen=True)
class Value:
    """An input or output of a graph; a text in the shape stands for any size, no shape for any rank."""

    name: str
    kind: int = FLOAT
    shape: tuple[int | str, ...] | None = (2,)
    sequence: bool = False  #: of such tensors


@dataclass(frozen=True)
class Node:
    operator: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: bytes = b""


def model(nodes: Sequence[Node], inputs: Sequence[Value], outputs: Sequence[Value]) -> bytes:
    graph = b"".join(
        (
            *(_bytes(1, _node(node)) for node in nodes),
            _bytes(2, b"graph"),
            *(_bytes(11, _value(value)) for value in inputs),
            *(_bytes(12, _value(value)) for value in outputs),
        )
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 17))


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


def integer_attribute(name: str, value: int) -> bytes:
    return _bytes(5, _bytes(1, name.encode()) + _number(3, value) + _number(20, 2))


def _node(node: Node) -> bytes:
    names = (*(_bytes(1, n.encode()) for n in node.inputs), *(_bytes(2, n.encode()) for n in node.outputs))
    return b"".join(names) + _bytes(4, node.operator.encode()) + node.attributes


def _value(value: Value) -> bytes:
    sizes = b"".join(_bytes(1, _size(size)) for size in value.shape or ())
    shape = b"" if value.shape is None else _bytes(2, sizes)
    tensor = _bytes(1, _number(1, value.kind) + shape)
    kind = _bytes(4, _bytes(1, tensor)) if value.sequence else tensor
    return _bytes(1, value.name.encode()) + _bytes(2, kind)


def _size(size: int | str) -> bytes:
    return _number(1, size) if isinstance(size, int) else _bytes(2, size.encode())


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    more = value >> 7
    return bytes([value & 127 | (128 if more else 0)]) + (_varint(more) if more else b"")
