"""Checks (11) and (12): a pushed value counts only with its owner's signature over its hash."""

import base64
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME
from sealgrid.enclave.protocol.pushed_secrets import SignedSecret, check_signed, has_hash
from sealgrid.errors import SharesRefused
from sealgrid.units import to_digest
from tests.unit.vault.vault_scene import APP, DEVELOPER, REQUESTER, STRANGER

SECRET = b"key of a service"
OF_APP = (APP, DEVELOPER_SECRET_NAME, DEVELOPER)
OF_REQUESTER = (REQUESTER.address, "api-key", REQUESTER)


def signed(address: str, name: str, by: Any, value: bytes = SECRET) -> bytes:
    """Sign iExec's challenge, as its SDK does with a wallet."""
    named = keccak(name.encode()) if name else b""
    challenge = keccak(keccak(b"IEXEC_SMS_DOMAIN") + bytes.fromhex(address[2:]) + named + keccak(value))
    return bytes(Account.sign_message(encode_defunct(challenge), by.secret).signature)


@pytest.mark.parametrize(("address", "name", "owner"), [OF_APP, OF_REQUESTER], ids=["developer", "requester"])
def test_one_signature_of_the_owner_suffices_beside_invalid_ones(address: str, name: str, owner: Any) -> None:
    signatures = frozenset({b"", signed(address, name, STRANGER), signed(address, name, owner)})
    check_signed(SECRET, address, name, SignedSecret(owner.address, signatures))


@pytest.mark.parametrize(
    "signature",
    [
        signed(*OF_APP, value=b"another text"),
        signed(APP, DEVELOPER_SECRET_NAME, STRANGER),
        signed(STRANGER.address, DEVELOPER_SECRET_NAME, DEVELOPER),
        signed(APP, "", DEVELOPER),
        signed(APP, "another", DEVELOPER),
        b"",
        b"\1" * 65,
    ],
    ids=["another text", "a stranger", "another address", "no name", "another name", "none", "no signature"],
)
def test_12_a_text_that_the_owner_did_not_sign_under_this_name_is_refused(signature: bytes) -> None:
    with pytest.raises(SharesRefused) as caught:
        check_signed(SECRET, APP, DEVELOPER_SECRET_NAME, SignedSecret(DEVELOPER.address, frozenset({signature})))
    assert caught.value.check == "12"
    assert keccak(SECRET).hex() not in str(caught.value)


def test_11_only_the_key_whose_base64_text_was_signed_has_its_hash() -> None:
    key = bytes(range(32))
    value = to_digest(keccak(base64.b64encode(key)))
    assert has_hash(key, value)
    assert not any((has_hash(key, None), has_hash(b"", value), has_hash(key[::-1], value)))
