"""Digests that owners sign for secrets of iExec's SDK."""

import pytest

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import (
    asset_secret_digest,
    is_secret_name,
    named_secret_digest,
    requester_secret_address,
)
from sealgrid.crypto.signing import personal_digest
from sealgrid.units import to_address, to_digest

ACCOUNT, VALUE = to_address(b"\x0a" * 20), to_digest(keccak256(b"value"))


def test_the_digests_are_those_of_iexecs_sms():
    domain = keccak256(b"IEXEC_SMS_DOMAIN")
    asset = keccak256(domain + b"\x0a" * 20 + keccak256(b"value"))
    named = keccak256(domain + b"\x0a" * 20 + keccak256(b"name") + keccak256(b"value"))
    assert asset_secret_digest(ACCOUNT, VALUE) == personal_digest(asset)
    assert named_secret_digest(ACCOUNT, "name", VALUE) == personal_digest(named)


@pytest.mark.parametrize(
    ("name", "valid"), [("a-B_9", True), ("x" * 64, True), ("", False), ("x" * 65, False), ("a b", False)]
)
def test_a_secret_has_a_name_that_iexec_accepts(name: str, valid: bool):
    assert is_secret_name(name) == valid


def test_each_secret_of_a_requester_has_an_address_of_its_own():
    addresses = {requester_secret_address(ACCOUNT, name) for name in ("a", "b")}
    assert len(addresses | {requester_secret_address(to_address(b"\x0b" * 20), "a")}) == 3
    with pytest.raises(ValueError, match="1 to 64"):
        requester_secret_address(ACCOUNT, "a b")
