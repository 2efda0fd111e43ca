"""Shares of a requester's secret that was pushed through iExec's API: deposit and release."""

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME, requester_secret_address
from sealgrid.errors import ReleaseRefused, SharesRefused
from sealgrid.units import to_digest
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.checks.entitlement import check_params, entitle
from sealgrid.vault.checks.iexec_deposit import check_iexec_deposit
from sealgrid.wire.vault import IexecDeposit
from tests.unit.vault.vault_scene import (
    APP,
    APP_ON_CHAIN,
    DEPOSIT_KEY,
    FEDERATION,
    MODEL,
    NOW,
    PICTURE,
    REQUESTER,
    STORED_KEYS,
    STRANGER,
    Split,
    attested,
    deal,
    params,
    snapshot,
)

NAME, SECRET = "api-key", b"key of the requester's account"
FILE = to_digest(b"\x2b" * 32)


def split(name: str = NAME, by: Any = REQUESTER, file: Any = FILE) -> Split:
    return Split(owner=by, asset=requester_secret_address(by.address, name), file_sha256=file)


def signed(value: bytes = SECRET, by: Any = REQUESTER, name: str = NAME, address: str = REQUESTER.address) -> bytes:
    challenge = keccak(keccak(b"IEXEC_SMS_DOMAIN") + bytes.fromhex(address[2:]) + keccak(name.encode()) + keccak(value))
    return bytes(Account.sign_message(encode_defunct(challenge), by.secret).signature)


def pushed(key: Split | None = None, **changes: Any) -> IexecDeposit:
    key = key or split()
    usual = {
        "record": key.record,
        "value_hash": to_digest(keccak(SECRET)),
        "signature": signed(),
        "index": 1,
        "sealed": key.sealed(),
        "name": NAME,
    }
    return IexecDeposit(**usual | changes)


def accepted(request: IexecDeposit, asset: Any = None, last_version: int = 0) -> StoredShare:
    return check_iexec_deposit(
        request, federation=FEDERATION, asset=asset, stored=None, last_version=last_version, deposit_key=DEPOSIT_KEY
    )


def deposit_refused(number: str, request: IexecDeposit, **named: Any) -> None:
    with pytest.raises(SharesRefused) as caught:
        accepted(request, **named)
    assert caught.value.check == f"iexec-deposit.{number}"


def test_a_requesters_secret_is_accepted_with_nothing_on_the_chain_and_without_its_hash() -> None:
    key = split()
    share = accepted(pushed(key))
    assert (share.kind, share.record, share.value_hash) == ("iexec-requester", key.record, None)


def test_a_requester_may_call_a_secret_as_developers_secrets_are_called() -> None:
    key = split(DEVELOPER_SECRET_NAME)
    share = accepted(pushed(key, name=DEVELOPER_SECRET_NAME, signature=signed(name=DEVELOPER_SECRET_NAME)))
    assert share.kind == "iexec-requester"


def test_1_an_asset_that_does_not_follow_from_requester_and_name_is_refused() -> None:
    deposit_refused("1", pushed(split("another-name")))
    deposit_refused("1", pushed(Split(owner=REQUESTER, asset=APP, file_sha256=FILE)))


@pytest.mark.parametrize("name", ["a b", "", "x" * 65, "../x", "ä"])
def test_1_a_name_that_iexec_does_not_take_is_refused(name: str) -> None:
    deposit_refused("1" if name else "2", pushed(name=name, signature=signed(name=name)))


def test_2_a_secret_that_the_requester_did_not_sign_under_this_name_is_refused() -> None:
    deposit_refused("2", pushed(signature=signed(by=STRANGER)))
    deposit_refused("2", pushed(signature=signed(name="another")))
    deposit_refused("2", pushed(signature=signed(value=b"another")))
    deposit_refused("2", pushed(signature=signed(address=APP)))


def test_5_a_second_secret_of_the_same_name_is_refused() -> None:
    deposit_refused("5", pushed(), last_version=1)


def test_a_developers_secret_is_still_refused_for_another_owners_app() -> None:
    other = Split(owner=REQUESTER, asset=APP, file_sha256=FILE)
    request = pushed(other, name=DEVELOPER_SECRET_NAME, signature=signed(name=DEVELOPER_SECRET_NAME, address=APP))
    deposit_refused("4", request, asset=APP_ON_CHAIN)


def named(secrets: dict[str, str], **ours: Any) -> Any:
    document = json.loads(params(**ours)) | {"iexec_secrets": secrets}
    return snapshot(deal=deal(params=json.dumps(document)))


def stored(name: str = NAME, **named_split: Any) -> StoredShare:
    return split(name, **named_split).stored_share("iexec-requester")


def decide(secrets: dict[str, str], shares: dict[str, StoredShare]) -> Any:
    chain = named(secrets)
    return entitle(attested(), chain, check_params(chain.deal), replace(STORED_KEYS, secrets=shares), at=NOW)


def refused(secrets: dict[str, str], shares: dict[str, StoredShare]) -> str:
    with pytest.raises(ReleaseRefused) as caught:
        decide(secrets, shares)
    assert caught.value.check == "7.16"
    return caught.value.message


def test_each_secret_that_params_name_goes_with_the_release_once_in_the_order_of_their_numbers() -> None:
    shares = {NAME: stored(), "token": stored("token", file=to_digest(b"\x2c" * 32))}
    granted = decide({"10": NAME, "2": "token", "3": NAME}, shares)
    assert [share.kind for share in granted.shares] == ["dataset", "input", "iexec-requester", "iexec-requester"]
    assert granted.shares[2:] == (shares["token"], shares[NAME])


def test_16_a_secret_that_was_not_pushed_is_refused_by_name() -> None:
    assert NAME in refused({"1": NAME}, {})


def test_16_the_secret_of_another_account_or_name_or_kind_is_refused() -> None:
    for other in (stored(by=STRANGER), stored("token"), split().stored_share("input"), split().stored_share("iexec")):
        refused({"1": NAME}, {NAME: other})


@pytest.mark.parametrize("file", [MODEL, PICTURE], ids=["the dataset's", "an input's"])
def test_16_a_secret_that_claims_the_file_of_another_is_refused(file: Any) -> None:
    refused({"1": NAME}, {NAME: stored(file=file)})


def test_16_two_secrets_of_one_file_are_refused() -> None:
    refused({"1": NAME, "2": "token"}, {NAME: stored(), "token": stored("token")})


@pytest.mark.parametrize(
    "secrets", [{"0": NAME}, {"01": NAME}, {"-1": NAME}, {"x": NAME}, {"1": ""}, {"1": "a b"}, {"10000": NAME}]
)
def test_numbers_and_names_that_iexec_does_not_take_are_refused(secrets: dict[str, str]) -> None:
    with pytest.raises(ReleaseRefused) as caught:
        check_params(named(secrets).deal)
    assert caught.value.check == "7"
