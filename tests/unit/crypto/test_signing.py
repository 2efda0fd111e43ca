"""Keys, signatures and what is no signature."""

import contextlib

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.signing import ORDER, SigningKey, find_signer, personal_digest, recover

DIGEST = bytes(range(32))
scalars = st.integers(1, ORDER - 1).map(lambda value: value.to_bytes(32, "big"))
digests = st.binary(min_size=32, max_size=32)


@pytest.fixture
def key():
    return SigningKey.from_bytes(b"\x11" * 32)


@given(scalars)
def test_an_address_is_what_eth_account_derives(secret):
    assert SigningKey.from_bytes(secret).address == Account.from_key(secret).address.lower()


@given(scalars, digests)
def test_a_signature_leads_back_to_its_signer_and_equals_eth_accounts(secret, digest):
    key = SigningKey.from_bytes(secret)
    signature = key.sign(digest)
    assert recover(digest, signature) == key.address
    assert signature == bytes(Account.unsafe_sign_hash(digest, secret).signature)


@given(digests)
def test_a_personal_message_is_hashed_as_wallets_do(message):
    secret = b"\x22" * 32
    signed = Account.sign_message(encode_defunct(message), secret)
    assert recover(personal_digest(message), bytes(signed.signature)) == SigningKey.from_bytes(secret).address


def test_a_personal_message_of_another_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        personal_digest(b"short")


def test_a_signature_over_another_digest_has_another_signer(key):
    assert recover(b"\x01" * 32, key.sign(DIGEST)) != key.address


def _with_v(signature, v):
    return signature[:64] + bytes([v])


def _with_high_s(signature):
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: b"",
        lambda s: s[:64],
        lambda s: s + b"\0",
        lambda s: _with_v(s, 0),
        lambda s: _with_v(s, 1),
        lambda s: _with_v(s, 29),
        _with_high_s,
        lambda s: bytes(32) + s[32:],
        lambda s: s[:32] + bytes(32) + s[64:],
        lambda s: bytes(64) + b"\x1b",
        lambda s: b"\xff" * 32 + s[32:],
    ],
    ids=["empty", "64", "66", "v=0", "v=1", "v=29", "high-s", "r=0", "s=0", "zero", "r-beyond-the-order"],
)
def test_an_invalid_signature_has_no_signer(key, spoil):
    signature = spoil(key.sign(DIGEST))
    assert find_signer(DIGEST, signature) is None
    with pytest.raises(ValueError):
        recover(DIGEST, signature)


def test_the_signer_of_a_valid_signature_is_found(key):
    assert find_signer(DIGEST, key.sign(DIGEST)) == key.address


def test_a_digest_of_another_length_is_neither_signed_nor_recovered(key):
    with pytest.raises(ValueError):
        key.sign(DIGEST[:31])
    with pytest.raises(ValueError):
        recover(DIGEST[:31], key.sign(DIGEST))


@given(st.binary(max_size=70), digests)
def test_no_bytes_make_recovery_fail_otherwise(signature, digest):
    with contextlib.suppress(ValueError):
        assert len(recover(digest, signature)) == 42


@pytest.mark.parametrize("secret", [b"", b"\1" * 31, bytes(32), ORDER.to_bytes(32, "big")])
def test_what_is_no_scalar_is_no_key(secret):
    with pytest.raises(ValueError):
        SigningKey.from_bytes(secret)


def test_a_key_comes_from_the_randomness_that_is_given():
    assert SigningKey.generate(lambda size: b"\x11" * size).secret == b"\x11" * 32


def test_a_key_does_not_show_its_secret(key):
    assert f"{key} {key!r}" == f"SigningKey({key.address}) SigningKey({key.address})"
