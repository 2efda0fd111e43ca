"""Checks before a vault stores a share, sets a policy or destroys a share."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from sealgrid.attestation.policy import Machines
from sealgrid.attestation.statements import Withdrawal
from sealgrid.attestation.task_inputs import TaskInputTree
from sealgrid.crypto import hpke
from sealgrid.crypto.shares import Share
from sealgrid.errors import InputRefused, SharesRefused
from sealgrid.units import to_address, to_digest
from sealgrid.vault.checks.deposit import check_deposit, check_policy, check_withdrawal
from tests.unit.vault.vault_scene import (
    APP_ON_CHAIN,
    DATASET,
    DEPOSIT_KEY,
    DEVELOPER_KEY,
    DEVELOPER_SECRET,
    DOMAIN,
    FEDERATION,
    MODEL,
    MODEL_KEY,
    OWNER,
    PICTURE,
    PICTURE_KEY,
    REQUESTER,
    SNAPSHOT,
    STRANGER,
    Split,
    allowance,
    flipped,
    granted_deposit,
    key,
    policy,
)


def decide(request: Any, *, asset: Any = SNAPSHOT.dataset, stored: Any = None, last_version: int = 0) -> Any:
    known = max(last_version, stored.record.version if stored else 0)
    return check_deposit(
        request, federation=FEDERATION, asset=asset, stored=stored, last_version=known, deposit_key=DEPOSIT_KEY
    )


def refused(number: str, request: Any, **named: Any) -> Any:
    with pytest.raises(SharesRefused) as caught:
        decide(request, **named)
    assert caught.value.check == number
    return caught.value


def test_the_owners_share_is_accepted() -> None:
    share = decide(MODEL_KEY.deposit())
    assert (share.kind, share.record, share.share) == ("dataset", MODEL_KEY.record, MODEL_KEY.shares[0])


def test_a_requesters_sealed_input_is_accepted_with_its_grant() -> None:
    assert decide(granted_deposit(), asset=None).kind == "input"


def test_a_record_for_another_hub_is_refused() -> None:
    refused("deposit.1", Split(hub=to_address(b"\xaa" * 20)).deposit())


def test_a_record_for_another_federation_is_refused() -> None:
    others = tuple(sorted([*FEDERATION.vaults[:2], key("a fourth vault").address]))
    refused("deposit.1", Split(vaults=others).deposit())


def test_a_record_with_one_vault_is_refused() -> None:
    alone = Split(vaults=FEDERATION.vaults[:1], threshold=1)
    refused("deposit.1", alone.deposit())


def test_a_record_that_breaks_its_own_arithmetic_is_refused() -> None:
    bad = msgspec.structs.replace(MODEL_KEY.record, n=4)
    refused("deposit.1", MODEL_KEY.deposit(record=bad, signature=bad.sign(DOMAIN, OWNER)))


def test_a_record_that_its_owner_did_not_sign_is_refused() -> None:
    refused("deposit.2", MODEL_KEY.deposit(signature=MODEL_KEY.record.sign(DOMAIN, STRANGER)))
    refused("deposit.2", MODEL_KEY.deposit(signature=flipped(MODEL_KEY.signature)))


def test_a_record_signed_for_another_broker_is_refused() -> None:
    elsewhere = msgspec.structs.replace(DOMAIN, broker=to_address(b"\xbb" * 20))
    refused("deposit.2", MODEL_KEY.deposit(signature=MODEL_KEY.record.sign(elsewhere, OWNER)))


@pytest.mark.parametrize("index", [0, 2, 4, 300])
def test_a_share_of_another_vault_is_refused(index: int) -> None:
    refused("deposit.3", MODEL_KEY.deposit(index=index))


def test_a_dataset_that_the_chain_does_not_know_is_refused() -> None:
    refused("deposit.4", MODEL_KEY.deposit(), asset=None)


def test_a_dataset_of_another_owner_is_refused() -> None:
    refused("deposit.4", MODEL_KEY.deposit(), asset=replace(SNAPSHOT.dataset, owner=STRANGER.address))


def test_a_dataset_with_another_checksum_is_refused() -> None:
    refused("deposit.4", MODEL_KEY.deposit(), asset=replace(SNAPSHOT.dataset, checksum=PICTURE))


def test_the_developers_secret_is_accepted_from_the_apps_owner() -> None:
    share = decide(DEVELOPER_KEY.deposit(), asset=APP_ON_CHAIN)
    assert (share.kind, share.record) == ("developer", DEVELOPER_KEY.record)


def test_an_apps_secret_by_another_account_is_refused() -> None:
    strangers = Split(owner=STRANGER, asset=APP_ON_CHAIN.address, file_sha256=DEVELOPER_SECRET)
    refused("deposit.4", strangers.deposit(), asset=APP_ON_CHAIN)


def test_the_secret_of_an_app_that_was_given_away_is_refused_from_its_former_owner() -> None:
    refused("deposit.4", DEVELOPER_KEY.deposit(), asset=replace(APP_ON_CHAIN, owner=STRANGER.address))


def test_an_apps_secret_has_no_policy() -> None:
    with_policy = DEVELOPER_KEY.deposit(policy=policy(), policy_signature=policy().sign(DOMAIN, OWNER))
    refused("deposit.4", with_policy, asset=APP_ON_CHAIN)


def test_an_input_under_a_datasets_name_is_refused() -> None:
    squatter = Split(owner=REQUESTER, asset=DATASET, file_sha256=PICTURE)
    refused("deposit.4", granted_deposit(key=squatter))


def test_a_grant_by_another_or_for_another_file_is_refused() -> None:
    refused("deposit.4", granted_deposit(owner=STRANGER.address))
    refused("deposit.4", granted_deposit(file_sha256=MODEL))


def test_the_input_of_one_task_is_accepted_with_its_proof_alone() -> None:
    tree = TaskInputTree([MODEL, PICTURE])
    proved = msgspec.structs.replace(granted_deposit(), task_input=tree.proof(1))
    assert decide(proved, asset=None).kind == "input"
    refused("deposit.4", msgspec.structs.replace(granted_deposit(), task_input=tree.proof(0)), asset=None)


def test_a_grant_that_its_owner_did_not_sign_is_refused() -> None:
    refused("deposit.4", granted_deposit(by=STRANGER))


def test_versions_only_grow() -> None:
    newer = Split(version=2)
    refused("deposit.5", MODEL_KEY.deposit(), stored=newer.stored_share())
    refused("deposit.5", Split(dek=b"\x31" * 32, version=2).deposit(), stored=newer.stored_share())
    assert decide(newer.deposit(), stored=MODEL_KEY.stored_share()).record.version == 2


def test_the_same_deposit_again_is_no_error() -> None:
    assert decide(MODEL_KEY.deposit(), stored=MODEL_KEY.stored_share()) == MODEL_KEY.stored_share()


def test_a_share_sealed_under_another_record_is_refused() -> None:
    refused("deposit.6", MODEL_KEY.deposit(sealed=MODEL_KEY.sealed(record=PICTURE_KEY.record)))


@pytest.mark.parametrize("at", [0, 40, -1])
def test_an_altered_sealed_share_is_refused(at: int) -> None:
    sealed = MODEL_KEY.sealed()
    refused("deposit.6", MODEL_KEY.deposit(sealed=flipped(sealed, at % len(sealed))))


def test_an_invalid_share_is_refused_without_its_content_in_the_error() -> None:
    sealed = hpke.seal(DEPOSIT_KEY.public, b'{"value": "c2VjcmV0", "secret": 1}', MODEL_KEY.record.digest(DOMAIN))
    error = refused("deposit.6", MODEL_KEY.deposit(sealed=sealed))
    assert "c2VjcmV0" not in str(error)
    assert error.__cause__ is None


def test_a_share_that_its_commitment_denies_is_refused() -> None:
    good = MODEL_KEY.shares[0]
    for lie in (Share(1, flipped(good.value), good.blind), Share(1, good.value, flipped(good.blind))):
        refused("deposit.7", MODEL_KEY.deposit(sealed=MODEL_KEY.sealed(lie)))
    refused("deposit.7", MODEL_KEY.deposit(sealed=MODEL_KEY.sealed(Share(1, good.value[:31], good.blind))))
    refused("deposit.7", MODEL_KEY.deposit(sealed=MODEL_KEY.sealed(Share(1, good.value, good.blind[:31]))))


def test_a_second_spelling_of_the_owner_is_refused() -> None:
    shouted = msgspec.structs.replace(MODEL_KEY.record, owner="0x" + OWNER.address[2:].upper())
    with pytest.raises(InputRefused):
        decide(MODEL_KEY.deposit(record=shouted))


def test_a_field_that_is_no_address_is_refused() -> None:
    odd = msgspec.structs.replace(MODEL_KEY.record, asset="0x12")
    with pytest.raises(InputRefused):
        decide(MODEL_KEY.deposit(record=odd))


def test_the_repr_of_a_stored_share_contains_no_value() -> None:
    shown = repr(decide(MODEL_KEY.deposit()))
    for secret in (MODEL_KEY.shares[0].value, MODEL_KEY.shares[0].blind):
        assert secret.hex() not in shown
        assert repr(secret) not in shown


def decide_policy(new: Any, by: Any = OWNER, stored: Any = None) -> Any:
    return check_policy(
        new, new.sign(DOMAIN, by), asset=DATASET, owner=OWNER.address, stored=stored, federation=FEDERATION
    )


def test_the_owners_newer_policy_replaces_the_one_before() -> None:
    assert decide_policy(policy(version=2), stored=policy(version=1)).version == 2
    assert decide_policy(policy(), stored=policy()) == policy()
    assert [decide_policy(policy(quorum=possible)).quorum for possible in (0, 2, 3)] == [0, 2, 3]


@pytest.mark.parametrize(
    ("number", "new", "by"),
    [
        ("policy.1", policy(asset=to_address(b"\xaa" * 20)), OWNER),
        ("policy.1", policy(owner=STRANGER.address), STRANGER),
        ("policy.2", policy(version=5), STRANGER),
        ("policy.3", policy(version=2), OWNER),
        ("policy.3", policy(version=3, allowed=(allowance(callback=True),)), OWNER),
        ("policy.4", policy(version=4, quorum=1), OWNER),
        ("policy.4", policy(version=4, quorum=4), OWNER),
        ("policy.5", policy(version=4, machines=Machines(denied=("0x0a0b",))), OWNER),
    ],
)
def test_a_policy_that_is_not_the_owners_newest_is_refused(number: str, new: Any, by: Any) -> None:
    with pytest.raises(SharesRefused) as caught:
        decide_policy(new, by, stored=policy(version=3))
    assert caught.value.check == number


def test_an_input_cannot_be_named_by_more_than_its_digest() -> None:
    assert PICTURE_KEY.asset == PICTURE[:42]
    assert to_digest(PICTURE) == PICTURE


def test_a_version_that_was_destroyed_never_comes_back() -> None:
    refused("deposit.5", MODEL_KEY.deposit(), last_version=1)
    assert decide(Split(version=2).deposit(), last_version=1).record.version == 2


def withdrawal(by: Any = OWNER, **changes: Any) -> Any:
    word = Withdrawal(**{"asset": DATASET, "owner": OWNER.address, "version": 2} | changes)
    return {"withdrawal": word, "signature": word.sign(DOMAIN, by), "domain": DOMAIN}


def test_an_owner_withdraws_the_newest_version_and_any_later_one() -> None:
    check_withdrawal(**withdrawal(), last_version=2)
    check_withdrawal(**withdrawal(version=7), last_version=2)


@pytest.mark.parametrize(
    ("number", "changes", "last_version"), [("withdraw.1", {"by": STRANGER}, 2), ("withdraw.2", {"version": 1}, 2)]
)
def test_a_withdrawal_by_another_or_of_an_older_version_is_refused(
    number: str, changes: Any, last_version: int
) -> None:
    with pytest.raises(SharesRefused) as caught:
        check_withdrawal(**withdrawal(**changes), last_version=last_version)
    assert caught.value.check == number
