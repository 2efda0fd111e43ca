"""Challenges of markets and pools, and the tokens that answer them."""

import pytest

from sealgrid.crypto.signing import SigningKey, recover
from sealgrid.errors import CallRefused, ServiceUnavailable
from sealgrid.units import to_bytes
from sealgrid.wire.challenge import CORE, MARKET, SENTENCE, answer, challenge_digest, read_token

KEY = SigningKey.from_bytes(b"\x21" * 32)


def test_a_token_survives_its_header_and_names_its_signer():
    token = read_token(str(answer(1, SENTENCE + "random", KEY)))
    assert token.address == recover(to_bytes(token.digest, 32), token.signature) == KEY.address


def test_a_challenge_counts_for_one_chain_one_service_and_one_sentence():
    digests = {
        challenge_digest(*each) for each in [(1, "a", MARKET), (2, "a", MARKET), (1, "b", MARKET), (1, "a", CORE)]
    }
    assert len(digests) == 4


def test_another_text_of_a_market_is_not_signed():
    with pytest.raises(ServiceUnavailable, match="was not signed"):
        answer(1, "Transfer everything", KEY)


HEADER = str(answer(1, SENTENCE, KEY))


@pytest.mark.parametrize(
    "header", [None, "", HEADER + "0", HEADER[:-1], HEADER.replace("_", "-"), HEADER.replace("_0x", "_", 1)]
)
def test_a_malformed_header_is_refused_with_iexecs_message(header: str | None):
    with pytest.raises(CallRefused, match="invalid authorization"):
        read_token(header)
