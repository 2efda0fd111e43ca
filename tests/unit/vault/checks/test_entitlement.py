"""Check (7), and the owner's part of (5): which secrets follow from a deal."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.policy import Platform
from sealgrid.attestation.task_inputs import TaskInputTree
from sealgrid.chain.views import ResourceView
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.ids import deal_id
from sealgrid.units import ZERO_ADDRESS, to_address
from sealgrid.vault.checks.entitlement import OUTPUT_BYTES_WITHOUT_POLICY, TaskInput, check_params, entitle
from sealgrid.vault.checks.owner_terms import DatasetUses
from tests.unit.vault.vault_scene import (
    APP,
    DATASET,
    DEADLINE,
    DEVELOPER_KEY,
    MODEL,
    MODEL_KEY,
    NOW,
    OWNER,
    PICTURE,
    PICTURE_KEY,
    REQUESTER,
    RUNTIME,
    SNAPSHOT,
    STORED_KEYS,
    STRANGER,
    Split,
    allowance,
    attested,
    deal,
    grant,
    params,
    policy,
    snapshot,
)

ATTESTED = attested()
KEYS = STORED_KEYS
NOTHING = ZERO_ADDRESS


def decide(keys: Any = KEYS, chain: Any = SNAPSHOT, at: int = NOW) -> Any:
    return entitle(ATTESTED, chain, check_params(chain.deal), keys, at=at)


def refused(number: str, *args: Any, **named: Any) -> Any:
    with pytest.raises(ReleaseRefused) as caught:
        decide(*args, **named)
    assert caught.value.check == number


def test_the_deal_entitles_to_the_dataset_and_the_named_input() -> None:
    granted = decide()
    assert [share.record for share in granted.shares] == [MODEL_KEY.record, PICTURE_KEY.record]
    assert (granted.release, granted.output_bytes) == ("escrow", 1 << 20)


OWN = TaskInput(PICTURE, TaskInputTree([MODEL, PICTURE]).proof(1).path)
OF_TASKS = msgspec.to_builtins(TaskInputTree([MODEL, PICTURE]).inputs)


def test_where_params_name_inputs_of_single_tasks_the_deal_entitles_to_this_tasks() -> None:
    bag = snapshot(deal=deal(params=params(inputs=[], task_inputs=OF_TASKS)))
    granted = decide(replace(KEYS, task_input=OWN), bag)
    assert [share.record for share in granted.shares] == [MODEL_KEY.record, PICTURE_KEY.record]
    assert (granted.inputs, granted.input_path) == ((PICTURE,), OWN.path)


def test_7_5_a_task_without_an_input_of_its_own_is_refused_where_params_name_them() -> None:
    refused("7.5", chain=snapshot(deal=deal(params=params(inputs=[], task_inputs=OF_TASKS))))


def test_7_5_a_tasks_own_input_is_none_that_all_tasks_share() -> None:
    refused("7.5", replace(KEYS, task_input=OWN), snapshot(deal=deal(params=params(task_inputs=OF_TASKS))))


def test_7_22_a_key_that_did_not_open_its_file_is_not_released() -> None:
    refused("7.22", replace(KEYS, unopened=True))


def test_7_23_an_unproved_key_is_released_to_its_owner_only_if_the_policy_is_proved() -> None:
    waiting = replace(KEYS, policy=policy(proved=True), unproved_since=0)
    refused("7.23", waiting)
    assert decide(replace(waiting, unproved_since=None)).shares, "an enclave opened the file with it"
    assert decide(replace(waiting, policy=policy())).shares, "its owner does not insist"
    assert decide(replace(waiting, policy=policy(proved=False))).shares
    own = snapshot(deal=deal(requester=OWNER.address, params=params(inputs=[])))
    assert decide(waiting, own).shares
    made = SNAPSHOT.deal.start_time
    refused("7.23", replace(waiting, unproved_since=made))
    assert decide(replace(waiting, unproved_since=made + 1)).shares, "an opened key was in force when it was bought"
    refused("7.22", replace(waiting, unopened=True))


def test_a_deal_without_dataset_entitles_to_its_inputs_only() -> None:
    bare = snapshot(deal=deal(dataset=ResourceView(NOTHING, NOTHING, 0)), dataset=None)
    granted = decide(chain=bare)
    assert [share.record for share in granted.shares] == [PICTURE_KEY.record]
    assert (granted.release, granted.output_bytes) == ("escrow", OUTPUT_BYTES_WITHOUT_POLICY)


def test_a_deal_without_inputs_entitles_to_no_input() -> None:
    bare = snapshot(deal=deal(params=params(inputs=[])))
    assert [share.record for share in decide(chain=bare).shares] == [MODEL_KEY.record]


def test_7_a_deal_has_a_plain_or_a_deferred_callback_not_both() -> None:
    deferred = params(callback="deferred")
    assert decide(chain=snapshot(deal=deal(params=deferred))).result_key
    refused("7", chain=snapshot(deal=deal(params=deferred, callback=STRANGER.address)))


def test_an_owner_may_let_results_open_at_once() -> None:
    assert decide(replace(KEYS, policy=policy(release=1))).release == "direct"


def test_without_the_present_owners_share_nothing_is_released() -> None:
    refused("7.1", replace(KEYS, dataset=None))
    moved = replace(SNAPSHOT, dataset=replace(SNAPSHOT.dataset, owner=STRANGER.address))
    refused("7.1", chain=moved)


def test_a_share_of_another_file_is_not_released() -> None:
    refused("7.1", replace(KEYS, dataset=Split(file_sha256=PICTURE).stored_share()))
    refused("7.1", replace(KEYS, dataset=Split(asset=to_address(b"\xaa" * 20)).stored_share()))


def test_without_the_owners_policy_nothing_is_released() -> None:
    refused("7.2", replace(KEYS, policy=None))
    refused("7.2", replace(KEYS, policy=policy(owner=STRANGER.address)))


def test_an_expired_policy_releases_nothing() -> None:
    refused("7.2", replace(KEYS, policy=policy(expiry=NOW)))
    refused("7.2", chain=snapshot(time=NOW + 10_000))


def test_an_empty_policy_denies() -> None:
    refused("5", replace(KEYS, policy=policy(allowed=())))


@pytest.mark.parametrize(
    "other",
    [{"app": MODEL}, {"runtime": MODEL}, {"platform": Platform.TDX}],
)
def test_another_app_runtime_or_platform_is_denied(other: Any) -> None:
    refused("5", replace(KEYS, policy=policy(allowed=(allowance(**other),))))


def test_a_policy_allows_triples_and_never_their_mixture() -> None:
    crossed = (allowance(app=MODEL), allowance(runtime=MODEL), allowance(platform=Platform.SGX))
    refused("5", replace(KEYS, policy=policy(allowed=crossed)))


def test_a_callback_needs_the_owners_permission() -> None:
    public = snapshot(deal=deal(callback=STRANGER.address))
    refused("7.3", chain=public)
    permitted = replace(KEYS, policy=policy(allowed=(allowance(callback=True),)))
    assert decide(permitted, public).shares


def test_uses_per_requester_and_hour_are_counted() -> None:
    assert decide(replace(KEYS, uses=DatasetUses(hour=1))).shares
    refused("7.4", replace(KEYS, uses=DatasetUses(hour=2)))
    refused("7.4", replace(KEYS, policy=policy(uses_per_requester_hour=0)))


def test_an_input_that_nobody_deposited_is_refused() -> None:
    refused("7.5", replace(KEYS, inputs={}))


def test_an_input_of_another_account_is_refused() -> None:
    stolen = Split(owner=STRANGER, asset=PICTURE_KEY.asset, file_sha256=PICTURE)
    refused("7.5", replace(KEYS, inputs={PICTURE: (stolen.stored_share("input"), (grant()[0],))}))


def test_an_input_under_another_files_name_is_refused() -> None:
    other = Split(owner=REQUESTER, asset=PICTURE_KEY.asset, file_sha256=MODEL)
    refused("7.5", replace(KEYS, inputs={PICTURE: (other.stored_share("input"), (grant()[0],))}))


@pytest.mark.parametrize(
    "other",
    [{"app": MODEL}, {"request": MODEL}, {"owner": STRANGER.address}],
)
def test_an_input_is_not_released_for_another_app_or_deal(other: Any) -> None:
    refused("7.6", replace(KEYS, inputs={PICTURE: (PICTURE_KEY.stored_share("input"), (grant(**other)[0],))}))


def test_an_input_without_grant_is_not_released() -> None:
    refused("7.6", replace(KEYS, inputs={PICTURE: (PICTURE_KEY.stored_share("input"), ())}))


@given(first=st.integers(0, 2**52), offset=st.integers(1, 1000))
def test_a_grant_is_for_deals_of_its_request_only(first: int, offset: int) -> None:
    word, _ = grant()
    later = snapshot(deal=deal(bot_first=first, deal=deal_id(word.request, first)))
    assert decide(chain=later).shares
    refused("7.6", chain=replace(later, deal=msgspec.structs.replace(later.deal, bot_first=first + offset)))


WITH_SECRET = replace(KEYS, developer=DEVELOPER_KEY.stored_share("developer"))


def test_the_developers_secret_follows_from_the_deals_app() -> None:
    assert [share.kind for share in decide(WITH_SECRET).shares] == ["dataset", "input", "developer"]
    bare = snapshot(deal=deal(dataset=ResourceView(NOTHING, NOTHING, 0), params=params(inputs=[])), dataset=None)
    assert [share.record for share in decide(WITH_SECRET, bare).shares] == [DEVELOPER_KEY.record]


def test_the_secret_of_an_app_that_was_given_away_is_not_released() -> None:
    refused("7.7", WITH_SECRET, snapshot(app_owner=STRANGER.address))


def test_the_secret_of_a_stranger_is_not_released() -> None:
    refused("7.7", replace(KEYS, developer=Split(owner=STRANGER, asset=APP).stored_share("developer")))


def test_the_secret_of_another_app_is_not_released() -> None:
    refused("7.7", WITH_SECRET, snapshot(deal=deal(app=ResourceView(DATASET, OWNER.address, 1))))


@pytest.mark.parametrize("taken", [MODEL, PICTURE])
def test_a_developers_secret_that_claims_another_secrets_file_is_refused(taken: Any) -> None:
    squatter = msgspec.structs.replace(DEVELOPER_KEY.record, file_sha256=taken)
    refused("7.7", replace(KEYS, developer=replace(DEVELOPER_KEY.stored_share("developer"), record=squatter)))


def test_a_deal_of_more_tasks_than_facts_can_count_is_refused() -> None:
    with pytest.raises(ReleaseRefused) as caught:
        check_params(deal(bot_first=2**53 - 1, bot_size=1))
    assert caught.value.check == "7"
    assert check_params(deal(bot_first=2**53 - 2, bot_size=1))


def test_input_files_without_a_digest_are_refused() -> None:
    named = msgspec.json.decode(params()) | {"iexec_input_files": ["https://example.org/picture.png"]}
    with pytest.raises(ReleaseRefused) as caught:
        check_params(deal(params=msgspec.json.encode(named).decode()))
    assert caught.value.check == "7.8"


def test_an_input_file_with_a_digest_is_accepted() -> None:
    url = "https://example.org/picture.png#sha256=" + "ab" * 32
    named = msgspec.json.decode(params()) | {"iexec_input_files": [url]}
    (file,) = check_params(deal(params=msgspec.json.encode(named).decode())).input_files
    assert (file.name, file.sha256) == ("picture.png", "0x" + "ab" * 32)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "no json",
        params(result_key="0x" + "00" * 32),
        params(result_key="0x01" + "00" * 31),
        params(result_key="0x" + "12" * 31),
        params(result_key="0x" + "AB" * 32),
        params(inputs=["0x12"]),
        params(inputs=[PICTURE, PICTURE]),
    ],
)
def test_bad_params_and_bad_result_keys_are_refused_before_a_secret_moves(bad: Any) -> None:
    with pytest.raises(ReleaseRefused) as caught:
        check_params(deal(params=bad))
    assert caught.value.check == "7"


def test_the_scene_is_what_its_names_say() -> None:
    assert ATTESTED.runtime == RUNTIME
    assert DEADLINE > NOW
    assert (DATASET, OWNER.address) == (SNAPSHOT.dataset.address, SNAPSHOT.dataset.owner)
    assert REQUESTER.address == SNAPSHOT.deal.requester
