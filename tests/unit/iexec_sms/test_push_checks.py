"""Checks of pushed secrets; eth-account signs them as ethers does."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME, parse_rsa_key
from sealgrid.crypto.signing import SigningKey, recover
from sealgrid.errors import InputRefused, SecretNotSigned, SecretRefused, SecretTooLarge
from sealgrid.iexec_sms.push_checks import (
    MAX_SECRET_BYTES,
    PushedSecret,
    check_app_secret,
    check_dataset_key,
    check_requester_secret,
    check_result_key,
)
from sealgrid.units import to_address, to_digest

OWNER, STRANGER = SigningKey.from_bytes(b"\x11" * 32), SigningKey.from_bytes(b"\x12" * 32)
APP = to_address(b"\x03" * 20)
DATASET, OTHER = to_address(b"\x04" * 20), to_address(b"\x05" * 20)
KEY = bytes(range(32))
VALUE = base64.b64encode(KEY)


def authorization(address: str, value: bytes, *, name: str | None = None, by: SigningKey = OWNER) -> str:
    named = b"" if name is None else keccak(name.encode())
    challenge = keccak(keccak(b"IEXEC_SMS_DOMAIN") + bytes.fromhex(address[2:]) + named + keccak(value))
    return "0x" + Account.sign_message(encode_defunct(challenge), by.secret).signature.hex().removeprefix("0x")


def dataset_key(value: bytes = VALUE, **signed: Any) -> PushedSecret:
    return PushedSecret(DATASET, value, authorization(**{"address": DATASET, "value": value} | signed))


def public(key: Any) -> bytes:
    return base64.b64encode(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


RSA = public(rsa.generate_private_key(65537, 2048))


def result_key(value: bytes = RSA, **signed: Any) -> PushedSecret:
    usual = {"address": OWNER.address, "value": value, "name": RESULT_KEY_NAME}
    return PushedSecret(OWNER.address, value, authorization(**usual | signed))


def refused(pushed: PushedSecret, number: str, kind: type[SecretRefused], **named: Any) -> None:
    with pytest.raises(kind) as caught:
        check_dataset_key(pushed, **{"owner": OWNER.address} | named)
    assert caught.value.check == f"dataset-key.{number}"


def refused_result_key(pushed: PushedSecret, number: str, kind: type[SecretRefused]) -> None:
    with pytest.raises(kind) as caught:
        check_result_key(pushed)
    assert caught.value.check == f"result-key.{number}"


def test_a_key_that_its_datasets_owner_signed_is_accepted() -> None:
    assert check_dataset_key(dataset_key(), OWNER.address) == KEY


def test_a_value_longer_than_iexecs_limit_is_refused() -> None:
    refused(dataset_key(b"A" * (MAX_SECRET_BYTES + 1)), "1", SecretTooLarge)


def test_a_key_for_an_unregistered_dataset_is_refused() -> None:
    refused(dataset_key(), "2", SecretNotSigned, owner=None)


def test_a_signature_by_another_account_is_refused() -> None:
    refused(dataset_key(by=STRANGER), "2", SecretNotSigned)


def test_a_signature_for_another_dataset_another_value_or_a_name_is_refused() -> None:
    refused(dataset_key(address=OTHER), "2", SecretNotSigned)
    refused(dataset_key(name="1"), "2", SecretNotSigned)
    refused(PushedSecret(DATASET, VALUE, authorization(DATASET, b"another")), "2", SecretNotSigned)


@pytest.mark.parametrize("header", ["", "0x", "Bearer x", "0x" + "00" * 65, "0x" + "11" * 64])
def test_an_invalid_signature_is_refused(header: str) -> None:
    refused(PushedSecret(DATASET, VALUE, header), "2", SecretNotSigned)


@pytest.mark.parametrize(
    "value",
    [b"", b"not base64!", base64.b64encode(KEY[:31]), base64.b64encode(KEY * 2), VALUE + b"\n", b" " + VALUE],
    ids=["nothing", "no base64", "too short", "too long", "with a line's end", "with a space"],
)
def test_a_value_that_is_not_the_text_of_one_key_is_refused(value: bytes) -> None:
    refused(dataset_key(value), "3", SecretRefused)


def test_another_base64_text_of_the_same_key_is_refused() -> None:
    text = VALUE[:-2] + b"9="  # the last two bits of base64 text are ignored
    assert base64.b64decode(text) == KEY
    refused(dataset_key(text), "3", SecretRefused)


def app_secret(value: bytes = b"a password", **signed: Any) -> PushedSecret:
    return PushedSecret(APP, value, authorization(**{"address": APP, "value": value, "name": "1"} | signed))


def refused_app_secret(pushed: PushedSecret, number: str, kind: type[SecretRefused], **named: Any) -> None:
    with pytest.raises(SecretRefused) as caught:
        check_app_secret(pushed, **{"owner": OWNER.address} | named)
    assert (type(caught.value), caught.value.check) == (kind, f"app-secret.{number}")


def test_a_secret_that_its_apps_owner_signed_is_accepted() -> None:
    check_app_secret(app_secret(), OWNER.address)
    check_app_secret(app_secret("schlüssel".encode()), OWNER.address)


def test_an_apps_secret_longer_than_iexecs_limit_is_refused_with_the_status_that_iexec_gives_here() -> None:
    refused_app_secret(app_secret(b"A" * (MAX_SECRET_BYTES + 1)), "1", SecretRefused)
    assert SecretRefused.http_status == 400


def test_an_apps_secret_that_its_owner_did_not_sign_under_that_name_is_refused() -> None:
    refused_app_secret(app_secret(by=STRANGER), "2", SecretNotSigned)
    refused_app_secret(app_secret(name=None), "2", SecretNotSigned)
    refused_app_secret(app_secret(address=OTHER), "2", SecretNotSigned)
    refused_app_secret(app_secret(), "2", SecretNotSigned, owner=None)


@pytest.mark.parametrize("value", [b"", b"\xff", b"a\0b"], ids=["nothing", "no text", "a zero byte"])
def test_an_apps_secret_that_no_environment_can_hold_is_refused(value: bytes) -> None:
    refused_app_secret(app_secret(value), "3", SecretRefused)


def requester_secret(value: bytes = b"a token", **signed: Any) -> PushedSecret:
    usual = {"address": OWNER.address, "value": value, "name": "api-key"}
    return PushedSecret(OWNER.address, value, authorization(**usual | signed))


def refused_requester_secret(
    pushed: PushedSecret, number: str, kind: type[SecretRefused], name: str = "api-key"
) -> None:
    with pytest.raises(SecretRefused) as caught:
        check_requester_secret(pushed, name)
    assert (type(caught.value), caught.value.check) == (kind, f"requester-secret.{number}")


def test_a_secret_that_its_requester_signed_under_its_name_is_accepted() -> None:
    check_requester_secret(requester_secret(), "api-key")


def test_a_requesters_secret_that_is_too_long_or_has_an_invalid_name_is_refused() -> None:
    refused_requester_secret(requester_secret(b"A" * (MAX_SECRET_BYTES + 1)), "1", SecretRefused)
    for name in ("", "a b", "x" * 65, "ä"):
        refused_requester_secret(requester_secret(name=name), "1", SecretRefused, name)


def test_a_requesters_secret_signed_by_another_account_or_for_another_name_is_refused() -> None:
    refused_requester_secret(requester_secret(by=STRANGER), "2", SecretNotSigned)
    refused_requester_secret(requester_secret(name="another"), "2", SecretNotSigned)
    refused_requester_secret(requester_secret(address=OTHER), "2", SecretNotSigned)


@pytest.mark.parametrize("value", [b"", b"\xff", b"a\0b"], ids=["nothing", "no text", "a zero byte"])
def test_a_requesters_secret_that_no_environment_can_hold_is_refused(value: bytes) -> None:
    refused_requester_secret(requester_secret(value), "3", SecretRefused)


def test_an_accounts_rsa_key_is_registered_as_it_was_signed() -> None:
    registered = check_result_key(result_key())
    digest = named_secret_digest(OWNER.address, RESULT_KEY_NAME, to_digest(keccak(RSA)))
    assert (registered.owner, registered.value.encode()) == (OWNER.address, RSA)
    assert recover(digest, registered.signature) == OWNER.address
    assert parse_rsa_key(RSA).key_size == 2048


def test_a_result_key_longer_than_iexecs_limit_is_refused() -> None:
    refused_result_key(result_key(RSA + b"A" * MAX_SECRET_BYTES), "1", SecretTooLarge)


def test_a_result_key_that_another_account_signed_is_refused() -> None:
    refused_result_key(result_key(by=STRANGER), "2", SecretNotSigned)


def test_a_result_key_that_was_signed_under_another_name_is_refused() -> None:
    refused_result_key(result_key(name="iexec-result-dropbox-token"), "2", SecretNotSigned)
    refused_result_key(result_key(name=None), "2", SecretNotSigned)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"AAAA",
        b"\xff\xfe",
        public(ec.generate_private_key(ec.SECP256R1())),
        public(rsa.generate_private_key(65537, 1024)),
        base64.b64decode(RSA),
    ],
    ids=["nothing", "no PEM", "no text", "no RSA", "1024 bits", "no base64"],
)
def test_a_result_key_that_is_no_rsa_key_of_2048_bits_is_refused(value: bytes) -> None:
    refused_result_key(result_key(value), "3", SecretRefused)


def test_an_rsa_key_above_8192_bits_is_refused() -> None:
    numbers = rsa.RSAPublicNumbers(65537, (1 << 8200) + 1)
    pem = numbers.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(InputRefused):
        parse_rsa_key(base64.b64encode(pem))


def test_numbers_that_are_no_rsa_key_are_refused_before_anything_is_encrypted_for_them() -> None:
    even = rsa.RSAPublicNumbers(65537, (1 << 2047) + 2).public_key()
    pem = even.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    refused_result_key(result_key(base64.b64encode(pem)), "3", SecretRefused)


def test_no_representation_shows_a_value_or_its_signature() -> None:
    pushed = dataset_key()
    assert VALUE.decode() not in repr(pushed)
    assert pushed.authorization not in repr(pushed)
