"""Checks before a vault stores a share of a key that was pushed through iExec's API."""

import base64
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

from sealgrid.crypto.shares import Share
from sealgrid.errors import InputRefused, SharesRefused
from sealgrid.units import Digest, to_address, to_digest
from sealgrid.vault.checks.iexec_deposit import check_iexec_deposit
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.wire.vault import IexecDeposit
from tests.unit.vault.vault_scene import (
    APP_ON_CHAIN,
    DATASET,
    DEPOSIT_KEY,
    FEDERATION,
    MODEL_KEY,
    NOW,
    OWNER,
    PICTURE,
    SNAPSHOT,
    STRANGER,
    Split,
    flipped,
    key,
)

VALUE = base64.b64encode(MODEL_KEY.dek)
VALUE_HASH = to_digest(keccak(VALUE))
AT_REST = ShareEncryption(b"\x31" * 32, os.urandom)
OTHER_HASH = to_digest(keccak(b"another value"))


def signed(by: Any = OWNER, asset: str = DATASET, value_hash: Digest = VALUE_HASH) -> bytes:
    """Sign as iExec's SDK does: signMessage over the bytes of the challenge."""
    challenge = keccak(keccak(b"IEXEC_SMS_DOMAIN") + bytes.fromhex(asset[2:]) + bytes.fromhex(value_hash[2:]))
    return bytes(Account.sign_message(encode_defunct(challenge), by.secret).signature)


def pushed(split: Split = MODEL_KEY, **changes: Any) -> IexecDeposit:
    usual = {
        "record": split.record,
        "value_hash": VALUE_HASH,
        "signature": signed(),
        "index": 1,
        "sealed": split.sealed(),
    }
    return IexecDeposit(**usual | changes)


def decide(request: IexecDeposit, *, asset: Any = SNAPSHOT.dataset, stored: Any = None, last_version: int = 0) -> Any:
    return check_iexec_deposit(
        request, federation=FEDERATION, asset=asset, stored=stored, last_version=last_version, deposit_key=DEPOSIT_KEY
    )


def refused(number: str, request: IexecDeposit, **named: Any) -> None:
    with pytest.raises(SharesRefused) as caught:
        decide(request, **named)
    assert caught.value.check == f"iexec-deposit.{number}"


def test_a_key_pushed_as_iexecs_sdk_does_is_accepted_with_its_values_hash() -> None:
    taken = decide(pushed())
    assert (taken.kind, taken.record, taken.value_hash) == ("iexec", MODEL_KEY.record, VALUE_HASH)
    assert taken.share == MODEL_KEY.shares[0]


def test_a_record_for_another_federation_is_refused() -> None:
    others = tuple(sorted([*FEDERATION.vaults[:2], key("a fourth vault").address]))
    refused("1", pushed(Split(vaults=others)))


def test_a_record_for_another_hub_is_refused() -> None:
    refused("1", pushed(Split(hub=to_address(b"\xaa" * 20))))


def test_a_second_version_is_refused_since_the_owner_signed_none() -> None:
    refused("1", pushed(Split(version=2)))


def test_a_strangers_signature_is_refused() -> None:
    refused("2", pushed(signature=signed(by=STRANGER)))
    refused("2", pushed(signature=flipped(signed())))
    refused("2", pushed(signature=b""))


def test_a_signature_for_another_dataset_is_refused() -> None:
    refused("2", pushed(signature=signed(asset=to_address(b"\xcc" * 20))))


def test_a_signature_over_another_value_is_refused() -> None:
    refused("2", pushed(value_hash=OTHER_HASH))


def test_a_signature_over_the_record_does_not_replace_iexecs() -> None:
    refused("2", pushed(signature=MODEL_KEY.signature))


def test_a_value_hash_in_another_spelling_is_refused() -> None:
    with pytest.raises(InputRefused):
        decide(pushed(value_hash=Digest(VALUE_HASH.upper().replace("0X", "0x"))))


@pytest.mark.parametrize("index", [0, 2, 4, 300])
def test_a_share_of_another_vault_is_refused(index: int) -> None:
    refused("3", pushed(index=index))


def test_an_asset_that_is_no_dataset_is_refused() -> None:
    refused("4", pushed(), asset=None)
    refused("4", pushed(), asset=APP_ON_CHAIN)


def test_a_dataset_that_was_sold_is_refused() -> None:
    refused("4", pushed(), asset=replace(SNAPSHOT.dataset, owner=STRANGER.address))


def test_a_dataset_with_another_checksum_is_refused() -> None:
    refused("4", pushed(), asset=replace(SNAPSHOT.dataset, checksum=PICTURE))


def test_other_shares_under_the_same_signature_are_refused_once_a_key_was_here() -> None:
    refused("5", pushed(Split(dek=b"\x77" * 32)), last_version=1)
    refused("5", pushed(Split(dek=b"\x77" * 32)), stored=decide(pushed()), last_version=1)


def test_a_withdrawn_key_cannot_be_pushed_again() -> None:
    refused("5", pushed(), last_version=1)


def test_a_repeated_deposit_is_accepted() -> None:
    taken = decide(pushed())
    assert decide(pushed(), stored=taken, last_version=1) == taken


def test_the_values_hash_is_stored_with_the_share_and_survives_a_restart(tmp_path: Path) -> None:
    taken = decide(pushed())
    with closing(VaultDatabase(tmp_path / "vault.db")) as database:
        ShareStore(database, AT_REST, FEDERATION).store(taken, policy=None, grant=None, at=NOW)
    with closing(VaultDatabase(tmp_path / "vault.db")) as database:
        assert ShareStore(database, AT_REST, FEDERATION).find(DATASET, OWNER.address) == taken


def test_a_share_that_was_sealed_under_another_record_is_refused() -> None:
    refused("6", pushed(sealed=MODEL_KEY.sealed(record=Split(version=3).record)))
    refused("6", pushed(sealed=flipped(MODEL_KEY.sealed())))


def test_a_share_that_does_not_fit_its_commitment_is_refused() -> None:
    refused("7", pushed(sealed=MODEL_KEY.sealed(share=Share(1, b"\x01" * 32, b"\x02" * 32))))
