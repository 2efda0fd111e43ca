"""Challenges and rates, by themselves."""

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey, recover
from sealgrid.errors import CallRefused
from sealgrid.market.serialization import amount, mixed_case, timestamp
from sealgrid.units import Address, to_bytes
from sealgrid.wire.challenge import SENTENCE, answer, challenge_digest, read_token, typed_data
from sealgrid.wire.rate_limit import RateLimit, TokenBuckets, client_of

KEY = SigningKey.from_bytes(b"\x21" * 32)


@given(st.integers(1, 2**53), st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_challenge_hashes_as_eth_account_hashes_it(chain: int, text: str) -> None:
    data = typed_data(chain, SENTENCE + text)
    data["domain"]["chainId"] = chain
    message = encode_typed_data(full_message=data)
    theirs = keccak256(b"\x19" + message.version, message.header, message.body)
    assert challenge_digest(chain, SENTENCE + text) == "0x" + theirs.hex()


def test_an_answer_reads_back_and_recovers_to_its_address() -> None:
    token = answer(31337, SENTENCE + "x", KEY)
    assert read_token(str(token)) == token
    assert recover(to_bytes(token.digest, 32), token.signature) == KEY.address
    assert read_token(str(token).replace(KEY.address, mixed_case(KEY.address))).address == KEY.address


@pytest.mark.parametrize(
    "header", [None, "", "_", "__", "0x12_0x34_0x56", "Bearer x", "0x" + "1" * 64 + "_0x123_0x" + "1" * 40]
)
def test_what_is_no_token_is_refused(header: str | None) -> None:
    with pytest.raises(CallRefused, match="invalid authorization"):
        read_token(header)


def test_a_client_may_ask_in_a_burst_and_then_evenly() -> None:
    buckets = TokenBuckets(RateLimit(60))
    assert [buckets.take("anna", 0.0) for _ in range(60)] == [0.0] * 60
    assert buckets.take("anna", 0.0) == pytest.approx(1.0)
    assert buckets.take("bert", 0.0) == 0.0
    assert buckets.take("anna", 1.0) == 0.0
    assert buckets.take("anna", 1.0) > 0


@given(st.lists(st.floats(0, 10), max_size=80))
def test_nobody_gets_more_than_a_burst_and_the_rate(pauses: list[float]) -> None:
    buckets, now, taken = TokenBuckets(RateLimit(30)), 0.0, 0
    for pause in pauses:
        now += pause
        taken += buckets.take("anna", now) == 0.0
    assert taken <= 30 + now * 30 / 60 + 1e-6


def test_clients_without_number_do_not_fill_the_memory() -> None:
    buckets = TokenBuckets(RateLimit(1))
    for number in range(30_000):
        buckets.take(str(number), 0.0)
    assert len(buckets._clients) == 20_000


def test_an_ipv6_client_has_one_bucket_for_its_whole_network() -> None:
    assert client_of("2001:db8:1:2:3:4:5:6") == client_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert client_of("192.0.2.7") == "192.0.2.7"


@pytest.mark.parametrize(
    "written",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_addresses_carry_eip_55s_checksum(written: str) -> None:
    assert mixed_case(Address(written.lower())) == written


def test_amounts_and_times_are_written_for_javascript() -> None:
    assert (amount(2**53 - 1), amount(2**53)) == (2**53 - 1, "9007199254740992")
    assert timestamp(1_568_196_218_068) == "2019-09-11T10:03:38.068Z"
