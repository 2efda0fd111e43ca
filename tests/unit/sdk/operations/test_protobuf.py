"""Protocol buffers are read field by field, and damaged ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.sdk.operations.protobuf import BYTES, FIXED32, FIXED64, VARINT, fields, signed, varint


def test_fields_of_every_wire_type_are_read_in_their_order():
    message = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x1d" + bytes(4) + b"\x21" + bytes(8)
    found = list(fields(memoryview(message)))
    assert [(field.number, field.kind) for field in found] == [(1, VARINT), (2, BYTES), (3, FIXED32), (4, FIXED64)]
    assert found[0].value == 150
    assert bytes(found[1].content) == b"hi"
    assert b"".join(field.encoded for field in found) == message


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_varint_is_read_as_it_is_written(value):
    (field,) = fields(memoryview(b"\x08" + varint(value)))
    assert field.value == value


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_a_negative_integer_has_ten_bytes(value):
    (field,) = fields(memoryview(b"\x08" + varint(value % 2**64)))
    assert signed(field.value) == value


@pytest.mark.parametrize(
    "message",
    [b"\x08", b"\x08\x80", b"\x12\x05hi", b"\x1d\x00", b"\x21\x00", b"\x0b", b"\x00\x01", b"\x08" + b"\x80" * 11],
    ids=bytes.hex,
)
def test_a_damaged_message_is_refused(message):
    with pytest.raises(ValueError, match="it is not protobuf"):
        list(fields(memoryview(message)))


@given(st.binary(max_size=100))
def test_any_bytes_are_fields_or_refused(message):
    try:
        found = list(fields(memoryview(message)))
    except ValueError:
        return
    assert b"".join(field.encoded for field in found) == message
