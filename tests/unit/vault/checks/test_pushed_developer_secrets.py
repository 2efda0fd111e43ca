"""Shares of a developer's secret that was pushed through iExec's API: deposit and release."""

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME
from sealgrid.errors import SharesRefused
from sealgrid.units import to_digest
from sealgrid.vault.checks.iexec_deposit import check_iexec_deposit
from sealgrid.wire.vault import IexecDeposit
from tests.unit.vault.vault_scene import (
    APP,
    APP_ON_CHAIN,
    DEPOSIT_KEY,
    DEVELOPER,
    FEDERATION,
    PICTURE,
    SNAPSHOT,
    STORED_KEYS,
    STRANGER,
    Split,
    facts,
)

SECRET = b"key of the developer's service"
SPLIT = Split(owner=DEVELOPER, asset=APP, file_sha256=to_digest(b"\x2a" * 32))


def signed(value: bytes = SECRET, by: Any = DEVELOPER, name: str = "1", asset: str = APP) -> bytes:
    named = keccak(name.encode()) if name else b""
    challenge = keccak(keccak(b"IEXEC_SMS_DOMAIN") + bytes.fromhex(asset[2:]) + named + keccak(value))
    return bytes(Account.sign_message(encode_defunct(challenge), by.secret).signature)


def pushed(**changes: Any) -> IexecDeposit:
    usual = {
        "record": SPLIT.record,
        "value_hash": to_digest(keccak(SECRET)),
        "signature": signed(),
        "index": 1,
        "sealed": SPLIT.sealed(),
        "name": DEVELOPER_SECRET_NAME,
    }
    return IexecDeposit(**usual | changes)


def decide(request: IexecDeposit, asset: Any = APP_ON_CHAIN, last_version: int = 0) -> Any:
    return check_iexec_deposit(
        request, federation=FEDERATION, asset=asset, stored=None, last_version=last_version, deposit_key=DEPOSIT_KEY
    )


def refused(number: str, request: IexecDeposit, **named: Any) -> None:
    with pytest.raises(SharesRefused) as caught:
        decide(request, **named)
    assert caught.value.check == f"iexec-deposit.{number}"


def test_a_developers_secret_is_accepted_and_its_guessable_hash_is_not_stored() -> None:
    taken = decide(pushed())
    assert (taken.kind, taken.record, taken.value_hash) == ("iexec-developer", SPLIT.record, None)


def test_a_secret_under_any_other_name_is_refused() -> None:
    refused("1", pushed(name="2", signature=signed(name="2")))


def test_a_signature_that_names_no_secret_or_is_a_strangers_is_refused() -> None:
    refused("2", pushed(signature=signed(name="")))
    refused("2", pushed(signature=signed(by=STRANGER)))
    refused("2", pushed(signature=signed(value=b"another")))


def test_an_app_that_is_none_or_was_sold_or_is_a_dataset_is_refused() -> None:
    refused("4", pushed(), asset=None)
    refused("4", pushed(), asset=replace(APP_ON_CHAIN, owner=STRANGER.address))
    refused("4", pushed(), asset=SNAPSHOT.dataset)


def test_a_second_secret_of_the_same_app_is_refused() -> None:
    refused("5", pushed(), last_version=1)


def test_it_goes_to_its_own_app_as_a_developers_secret_does_and_facts_do_not_tell_its_hash() -> None:
    signed_facts = facts(keys=replace(STORED_KEYS, developer=decide(pushed())))
    assert (signed_facts.secrets[-1].kind, signed_facts.secrets[-1].value) == ("iexec-developer", None)
    assert signed_facts.secrets[-1].file_sha256 == SPLIT.record.file_sha256 != PICTURE
