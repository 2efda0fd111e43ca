"""What a vault knows of a deal: the shares of its parties only, and its state when the deal was matched."""

import msgspec

from sealgrid.attestation.task_inputs import TaskInputTree
from sealgrid.errors import NotFound
from sealgrid.units import TaskId, to_digest
from sealgrid.vault.checks.entitlement import TaskInput, check_params
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.handlers.deal_state import DealDocuments, find_keys, refuse_unknown_task, state_at_match
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.share_store import StoredGrant, StoredPolicy
from tests.unit.vault.vault_scene import (
    DEVELOPER_KEY,
    MODEL,
    MODEL_KEY,
    NOW,
    PICTURE,
    PICTURE_KEY,
    SNAPSHOT,
    STRANGER,
    TASK,
    Split,
    deal,
    grant,
    number_of,
    params,
    policy,
    snapshot,
)


def stored(vault: Vault, *keys: Split, kind: str = "dataset", at: int = NOW - 1000) -> None:
    for key in keys:
        vault.share_store.store(key.stored_share(kind), policy=None, grant=None, at=at)


def found(vault: Vault, chain: object = SNAPSHOT) -> object:
    return find_keys(vault, chain, check_params(chain.deal), DealDocuments(), excluding=TASK, at=NOW)


def test_every_party_of_a_deal_has_its_own_keys(vault: Vault) -> None:
    stored(vault, MODEL_KEY)
    stored(vault, DEVELOPER_KEY, kind="developer")
    vault.share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=StoredGrant(*grant()), at=NOW)
    keys = found(vault)
    assert (keys.dataset, keys.developer) == (MODEL_KEY.stored_share(), DEVELOPER_KEY.stored_share("developer"))
    assert keys.inputs == {PICTURE: (PICTURE_KEY.stored_share("input"), [grant()[0]])}
    assert (keys.policy, keys.unproved_since, keys.unopened) == (None, None, False)


def test_another_requesters_deal_finds_no_input(vault: Vault) -> None:
    vault.share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=StoredGrant(*grant()), at=NOW)
    assert found(vault, snapshot(deal=deal(requester=STRANGER.address))).inputs == {}


def test_the_input_of_a_task_is_found_by_its_index_and_forgotten_with_its_share(vault: Vault) -> None:
    tree = TaskInputTree([MODEL] * SNAPSHOT.task.index + [PICTURE])
    bag = snapshot(deal=deal(params=params(inputs=[], task_inputs=msgspec.to_builtins(tree.inputs))))
    assert found(vault, bag).task_input is None
    signed = StoredGrant(*grant(), tree.proof(SNAPSHOT.task.index))
    vault.share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=signed, at=NOW)
    keys = found(vault, bag)
    assert keys.task_input == TaskInput(PICTURE, signed.proof.path)
    assert keys.inputs == {PICTURE: (PICTURE_KEY.stored_share("input"), [grant()[0]])}
    (old,) = vault.share_store.inputs_before(NOW + 1)
    assert vault.share_store.delete_input(old)
    assert found(vault, bag).task_input is None


def test_a_key_that_did_not_open_its_file_and_one_that_is_unproved_are_marked(vault: Vault) -> None:
    stored(vault, MODEL_KEY)
    vault.share_store.set_policy(StoredPolicy(policy(proved=True), b""), at=NOW)
    vault.unopened_keys.note(MODEL_KEY.stored_share().record_digest, TASK, NOW)
    keys = found(vault)
    assert (keys.unopened, keys.unproved_since) == (True, 0)


def test_the_state_at_the_match_is_that_of_five_minutes_before_it(vault: Vault) -> None:
    stored(vault, MODEL_KEY, at=NOW - 1000)
    signed = [policy(version=version) for version in (1, 2, 3)]
    for each, at in zip(signed, (NOW - 1000, NOW - 299, NOW + 1), strict=True):
        vault.share_store.set_policy(StoredPolicy(each, b""), at=at)
    vault.unopened_keys.note(MODEL_KEY.stored_share().record_digest, TaskId(to_digest(b"\x61" * 32)), NOW - 299)
    state = state_at_match(vault, SNAPSHOT, NOW)
    assert list(state.policies) == signed[:2]
    assert (state.had_share, state.unopened, state.unproved) == (True, False, True)


def test_a_deal_without_a_dataset_has_no_state_of_one(vault: Vault) -> None:
    state = state_at_match(vault, snapshot(dataset=None), NOW)
    assert (state.policies, state.had_share, state.uses) == ((), False, DatasetUses())


def test_a_task_that_the_chain_no_longer_has_is_refused_by_the_given_number() -> None:
    def gone() -> None:
        with refuse_unknown_task("6"):
            raise NotFound("no such task.")

    assert number_of(gone) == "6"
