"""For whose RSA key a vault lets a result be encrypted: the one that the deal's beneficiary signed."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_utils import keccak
from test_iexec_terms import KEYS, decide, of_iexec, refused
from vault_scene import REQUESTER, STRANGER, deal, facts, snapshot

from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME
from sealgrid.units import to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey

ENCRYPTED = {"iexec_result_encryption": True}


def pem(bits: int = 2048) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).decode()


VALUE = pem()


def registered(
    value: str = VALUE, by: Any = REQUESTER, owner: Any = REQUESTER, name: str = RESULT_KEY_NAME
) -> RegisteredResultKey:
    digest = named_secret_digest(owner.address, name, to_digest(keccak(value.encode())))
    return RegisteredResultKey(owner=owner.address, value=value, signature=by.sign(digest))


def shown(key: RegisteredResultKey | None) -> Any:
    return replace(KEYS, rsa=key)


def test_facts_name_the_key_that_the_beneficiary_registered() -> None:
    said = facts(of_iexec(ENCRYPTED), shown(registered()))
    assert (said.result_key, said.release) == (to_digest(keccak(VALUE.encode())), "direct")


def test_whoever_did_not_ask_for_it_gets_a_public_result_whatever_was_shown() -> None:
    assert decide(of_iexec(), shown(registered())).result_key == NO_RESULT_KEY


def test_15_without_the_key_nothing_is_released() -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(None))


def test_15_a_key_of_another_account_is_refused() -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(by=STRANGER, owner=STRANGER)))
    refused("7.15", of_iexec(ENCRYPTED, beneficiary=STRANGER.address), shown(registered()))


def test_15_a_key_that_the_beneficiary_did_not_sign_is_refused() -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(by=STRANGER)))
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(name="another name")))
    signature = registered().signature
    refused(
        "7.15",
        of_iexec(ENCRYPTED),
        shown(RegisteredResultKey(owner=REQUESTER.address, value=pem(), signature=signature)),
    )


@pytest.mark.parametrize("value", ["", "no key", pem(1024)], ids=["nothing", "no key", "1024 bits"])
def test_15_a_signed_value_that_is_no_key_to_encrypt_for_is_refused(value: str) -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(value)))


def test_a_deal_that_names_our_result_key_is_sealed_to_that_one() -> None:
    both = '{"sealgrid":{"result_key":"0x' + "11" * 32 + '"},"iexec_result_encryption":true}'
    assert decide(snapshot(deal=deal(params=both)), shown(None)).result_key == "0x" + "11" * 32
