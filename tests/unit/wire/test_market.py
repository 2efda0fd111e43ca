"""The client of a market answers challenges with its key, and reads amounts in both forms."""

from collections.abc import Mapping

import msgspec
import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ServiceUnavailable
from sealgrid.units import to_digest
from sealgrid.wire.challenge import SENTENCE, challenge_digest, read_token, typed_data
from sealgrid.wire.market import MarketClient, OpenOrder

KEY, ORDER = SigningKey.from_bytes(b"\x01" * 32), to_digest(b"\x0d" * 32)
OPEN = {
    "orderHash": ORDER,
    "chainId": 5,
    "order": {},
    "remaining": str(2**60),
    "status": "open",
    "publicationTimestamp": "2026-01-01T00:00:00.000Z",
    "signer": "0x" + "Ab" * 20,
}


class Market:
    """A transport to a market that sends one challenge."""

    def __init__(self, sentence: str = SENTENCE + "random") -> None:
        self.sentence = sentence
        self.writes: list[tuple[str, str, Mapping[str, str]]] = []

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        if method == "GET":
            return msgspec.json.encode({"ok": True, "data": typed_data(5, self.sentence)})
        self.writes.append((method, path, headers or {}))
        return msgspec.json.encode({"ok": True, "published": OPEN, "unpublished": [ORDER]})


async def test_an_order_is_published_and_withdrawn_with_a_signed_challenge():
    market = Market()
    client = MarketClient(market, 5)
    assert await client.publish("apporders", {"app": "0x"}, KEY) == ORDER
    await client.unpublish("apporders", ORDER, KEY)
    assert [write[:2] for write in market.writes] == [
        ("POST", "/apporders?chainId=5"),
        ("PUT", "/apporders?chainId=5"),
    ]
    for _, _, headers in market.writes:
        token = read_token(headers["authorization"])
        assert (token.address, token.digest) == (KEY.address, challenge_digest(5, market.sentence))


async def test_a_text_that_is_no_challenge_is_not_signed():
    market = Market("Transfer everything")
    with pytest.raises(ServiceUnavailable):
        await MarketClient(market, 5).publish("apporders", {}, KEY)
    assert market.writes == []


def test_amounts_beyond_json_numbers_are_text():
    order = msgspec.convert(OPEN, OpenOrder)
    assert (order.owner, order.left, order.left_of_offer) == ("0x" + "ab" * 20, 2**60, 2**60)
    assert msgspec.convert(OPEN | {"remaining": 3, "offerRemaining": "7"}, OpenOrder).left_of_offer == 7
