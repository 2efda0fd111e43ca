"""Reads protocol buffers field by field, without copying what the fields contain."""

from collections.abc import Iterator
from typing import Final, NamedTuple

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
_LENGTHS: Final = {FIXED64: 8, FIXED32: 4}


class WireField(NamedTuple):
    """One field of a message."""

    number: int
    kind: int  #: wire type
    value: int  #: of a varint; else 0
    content: memoryview  #: of a length-delimited or fixed field
    encoded: memoryview  #: the whole field, with its tag


def fields(message: memoryview) -> Iterator[WireField]:
    """Yield the fields of a message in their order; raise ValueError where it is not protobuf or is cut short."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in (VARINT, FIXED64, BYTES, FIXED32):
            raise ValueError("it is not protobuf")
        value, length = 0, 0
        if kind == VARINT:
            value, at = _varint(message, at)
        elif kind == BYTES:
            length, at = _varint(message, at)
        else:
            length = _LENGTHS[kind]
        if at + length > len(message):
            raise ValueError("it is not protobuf, or it is cut short")
        yield WireField(number, kind, value, message[at : at + length], message[start : at + length])
        at += length


def text(content: memoryview) -> str:
    """Return the text of a string field; raise ValueError if it is not UTF-8."""
    return bytes(content).decode()


def signed(value: int) -> int:
    """Return the value of an int64 field."""
    return value - (1 << 64) if value >= 1 << 63 else value


def varint(value: int) -> bytes:
    """Return an unsigned integer as a varint."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it is not protobuf, or it is cut short")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError("it is not protobuf")
