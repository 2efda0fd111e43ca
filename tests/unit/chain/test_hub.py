"""What the hub's reads make of untrusted contracts."""

from typing import Any

import pytest

from sealgrid.chain.hub import Hub
from sealgrid.errors import ChainError, ContractReverted, ServiceUnavailable
from sealgrid.units import to_address, to_digest

HUB, GROUP, ACCOUNT = (to_address(bytes([number]) * 20) for number in (1, 2, 3))
YES = (1).to_bytes(32, "big")


class Answers:
    """A node on which every call has one answer."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer

    async def call(self, to: str, data: bytes, **_: object) -> bytes:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def hub(answer: bytes | Exception) -> Hub:
    node: Any = Answers(answer)
    return Hub(node, HUB)


@pytest.mark.parametrize("answer", [YES, YES + b"more"])
async def test_the_word_1_makes_a_member(answer: bytes) -> None:
    assert await hub(answer).is_member(GROUP, ACCOUNT)


@pytest.mark.parametrize(
    "answer", [bytes(32), (2).to_bytes(32, "big"), b"\x01", YES[:31], ContractReverted("no"), ChainError("no code")]
)
async def test_any_other_answer_makes_none(answer: bytes | Exception) -> None:
    assert not await hub(answer).is_member(GROUP, ACCOUNT)


async def test_a_node_that_does_not_answer_decides_nothing() -> None:
    with pytest.raises(ServiceUnavailable):
        await hub(ServiceUnavailable("away")).is_member(GROUP, ACCOUNT)


async def test_a_signature_that_reverts_is_not_valid() -> None:
    digest = to_digest(bytes(32))
    assert await hub(YES).verify_signature(ACCOUNT, digest, b"s")
    assert not await hub(ContractReverted("no")).verify_signature(ACCOUNT, digest, b"s")
