"""Only the requester of a task, with a recent challenge, reads its logs."""

import msgspec
import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused
from sealgrid.pool.requester_auth import PERIOD_SECONDS, RequesterAuthenticator
from sealgrid.units import to_address
from sealgrid.wire.challenge import CORE, Token, answer
from tests.unit.pool.pool_scene import CHAIN, REQUESTER, STRANGER, WORKER, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authenticator(clock: Clock) -> RequesterAuthenticator:
    return RequesterAuthenticator(CHAIN, clock, WORKER.secret)


def token(authenticator: RequesterAuthenticator, key: SigningKey = REQUESTER) -> Token:
    return answer(CHAIN, authenticator.issue(key.address)["message"]["challenge"], key, CORE)


def refused(authenticator: RequesterAuthenticator, wrong: Token) -> str:
    with pytest.raises(CallRefused) as refusal:
        authenticator.verify(wrong, REQUESTER.address)
    return refusal.value.check


def test_the_requester_may_use_its_token_for_an_hour(authenticator: RequesterAuthenticator, clock: Clock) -> None:
    valid = token(authenticator)
    for _ in range(2):
        authenticator.verify(valid, REQUESTER.address)
        clock.now += PERIOD_SECONDS - 1
    clock.now += PERIOD_SECONDS
    assert refused(authenticator, valid) == "challenge"


def test_1_a_challenge_of_another_address_is_refused(authenticator: RequesterAuthenticator) -> None:
    assert refused(
        authenticator, msgspec.structs.replace(token(authenticator, STRANGER), address=REQUESTER.address)
    ) == ("challenge")


@pytest.mark.parametrize("signature", [b"", bytes(65)])
def test_2_a_token_that_its_address_did_not_sign_is_refused(
    authenticator: RequesterAuthenticator, signature: bytes
) -> None:
    unsigned = msgspec.structs.replace(token(authenticator), signature=signature)
    by_another = msgspec.structs.replace(unsigned, signature=STRANGER.sign(bytes.fromhex(unsigned.digest[2:])))
    assert [refused(authenticator, each) for each in (unsigned, by_another)] == ["challenge"] * 2


def test_3_another_account_is_refused(authenticator: RequesterAuthenticator) -> None:
    assert refused(authenticator, token(authenticator, STRANGER)) == "requester"


def test_a_flood_of_challenges_takes_no_room_of_another_account(authenticator: RequesterAuthenticator) -> None:
    valid = token(authenticator)
    for number in range(10_001):  # as many as one client requests in 17 minutes
        authenticator.issue(to_address(number.to_bytes(20, "big")))
    authenticator.verify(valid, REQUESTER.address)


def test_another_pool_issues_other_challenges(authenticator: RequesterAuthenticator, clock: Clock) -> None:
    assert refused(authenticator, token(RequesterAuthenticator(CHAIN, clock, STRANGER.secret))) == "challenge"


def test_a_replica_of_the_pool_accepts_what_another_one_issued(
    authenticator: RequesterAuthenticator, clock: Clock
) -> None:
    replica = RequesterAuthenticator(CHAIN, clock, WORKER.secret)
    authenticator.verify(token(replica), REQUESTER.address)
