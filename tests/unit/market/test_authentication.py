"""Challenges of a market: signed as a wallet signs them, consumed once, in time, by their address."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused
from sealgrid.market.authentication import ChallengeAuthenticator
from sealgrid.market.store import CHALLENGE_SECONDS, Operation, OrderStore
from sealgrid.poco import typed_data as poco_typed_data
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.wire.challenge import SENTENCE, Token, challenge_digest, typed_data

CHAIN = 31337
KEY, OTHER = SigningKey.from_bytes(b"\x21" * 32), SigningKey.from_bytes(b"\x22" * 32)


@given(st.integers(1, 2**53), st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_challenge_hashes_as_eth_account_hashes_it(chain: int, text: str) -> None:
    data = typed_data(chain, SENTENCE + text)
    data["domain"]["chainId"] = chain
    message = encode_typed_data(full_message=data)
    expected = keccak256(b"\x19" + message.version, message.header, message.body)
    assert challenge_digest(chain, SENTENCE + text) == "0x" + expected.hex()


@pytest.fixture
def now() -> list[float]:
    """Return the clock, Unix seconds."""
    return [1000.0]


@pytest.fixture
def authenticator(tmp_path: Path, now: list[float]) -> Iterator[ChallengeAuthenticator]:
    store = OrderStore(f"sqlite:///{tmp_path / 'market.sqlite'}", OrderDomain(chain=CHAIN, hub=ZERO_ADDRESS))

    async def submit(operation: Operation) -> bool:
        return store.perform([operation]).had_effect[0]

    async def is_signed_by(*signed: Any) -> bool:
        return poco_typed_data.is_signed_by(*signed)

    chain: Any = SimpleNamespace(is_signed_by=is_signed_by)
    writer: Any = SimpleNamespace(submit=submit)
    yield ChallengeAuthenticator(chain, writer, CHAIN, clock=lambda: now[0])
    store.close()


async def signed_challenge(authenticator: ChallengeAuthenticator, key: SigningKey = KEY) -> Token:
    """Return the token of a challenge that was issued to KEY and signed by a wallet with another key or the same."""
    data = await authenticator.issue(KEY.address)
    sentence = data["message"]["challenge"]
    data["domain"]["chainId"] = CHAIN
    signature = Account.sign_message(encode_typed_data(full_message=data), key.secret).signature
    return Token(challenge_digest(CHAIN, sentence), bytes(signature), key.address)


async def test_a_token_is_valid_once(authenticator: ChallengeAuthenticator) -> None:
    token = await signed_challenge(authenticator)
    await authenticator.verify(token)
    with pytest.raises(CallRefused, match="invalid authorization"):
        await authenticator.verify(token)


async def test_an_expired_challenge_is_refused(authenticator: ChallengeAuthenticator, now: list[float]) -> None:
    token = await signed_challenge(authenticator)
    now[0] += CHALLENGE_SECONDS
    with pytest.raises(CallRefused):
        await authenticator.verify(token)


async def test_a_challenge_of_another_address_is_refused(authenticator: ChallengeAuthenticator) -> None:
    with pytest.raises(CallRefused):
        await authenticator.verify(await signed_challenge(authenticator, OTHER))


async def test_an_invalid_signature_does_not_consume_the_challenge(authenticator: ChallengeAuthenticator) -> None:
    token = await signed_challenge(authenticator)
    forged = Token(token.digest, OTHER.sign(bytes.fromhex(token.digest[2:])), KEY.address)
    with pytest.raises(CallRefused):
        await authenticator.verify(forged)
    await authenticator.verify(token)


async def test_a_challenge_that_was_not_issued_is_refused(authenticator: ChallengeAuthenticator) -> None:
    digest = to_digest(b"\x07" * 32)
    with pytest.raises(CallRefused):
        await authenticator.verify(Token(digest, KEY.sign(b"\x07" * 32), KEY.address))
