"""A client's message is refused, and a service's answer is an error of the service."""

import pytest

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.wire.message import Message, decode, encode, parse


class Question(Message, frozen=True, kw_only=True):
    content: bytes
    number: int


VALID = Question(content=b"\x00\xff", number=1)


def test_a_message_comes_back_as_it_was_sent():
    assert parse(encode(VALID), Question) == decode(encode(VALID), Question) == VALID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"content":"AA==","number":"1"}',
        b'{"content":"AA==","number":1,"more":1}',
        b'{"content":"!","number":1}',
        b'{"content":"\xff","number":1}',
        b"[" * 5000,
    ],
)
def test_what_is_no_message_is_refused_on_either_side(body: bytes):
    with pytest.raises(InputRefused, match="the message is not valid"):
        parse(body, Question)
    with pytest.raises(ServiceUnavailable, match="the answer of a service is not valid"):
        decode(body, Question)
