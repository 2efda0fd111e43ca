"""A refusal is settled only if it was in force before the match and only the requester caused it."""

import os
from dataclasses import replace

import pytest

from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.chain.views import PaymentOutcome, ResourceView
from sealgrid.errors import DealRefused, ReleaseRefused
from sealgrid.poco.ids import task_id
from sealgrid.units import to_digest
from sealgrid.vault.checks.entitlement import check_deal, check_params
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.checks.refusals_at_match import PREVIEW_SECONDS, StateAtMatch, was_refused_at_match
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.history import DepositHistory
from sealgrid.vault.stores.share_store import ShareStore, StoredPolicy
from sealgrid.vault.stores.task_store import TaskStore
from tests.unit.vault.vault_scene import (
    DATASET,
    FEDERATION,
    NOW,
    OWNER,
    REQUESTER,
    SNAPSHOT,
    STORED_KEYS,
    STRANGER,
    TASK,
    allowance,
    attested,
    deal,
    facts,
    params,
    policy,
    released,
    settled,
)

REFUSING = policy(refused=(REQUESTER.address,))
FREE = ResourceView(DATASET, OWNER.address, 0)
ALWAYS = StateAtMatch(policies=(policy(),), had_share=True, uses=DatasetUses())


def stands(keys=STORED_KEYS, chain=SNAPSHOT, **then):
    """Have the deal refused now, and return the number with whether it is settled."""
    parsed = None
    try:
        parsed = check_params(chain.deal)
        check_deal(chain.app_checksum, chain, parsed, keys, at=NOW)
    except DealRefused as refusal:
        return refusal.check, was_refused_at_match(refusal, chain, parsed, keys, replace(ALWAYS, **then))
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    ("check", "now"),
    [
        ("7.10", REFUSING),
        ("5", policy(allowed=())),
        ("5", policy(allowed=(allowance(app=to_digest(b"\x77" * 32)),))),
        ("7.2", policy(expiry=NOW - PREVIEW_SECONDS)),
    ],
)
def test_what_the_policy_said_before_the_match_is_settled_and_what_it_says_later_is_not(check, now):
    keys = replace(STORED_KEYS, policy=now)
    assert stands(keys, policies=(now,)) == (check, True)
    assert stands(keys, policies=(policy(),)) == (check, False)
    assert stands(keys, policies=(policy(), now)) == (check, False), "a preview passed a moment before"
    assert stands(keys, policies=()) == (check, False)


def test_a_policy_that_expires_after_the_match_is_not_the_requesters_doing():
    now = policy(expiry=NOW)
    assert stands(replace(STORED_KEYS, policy=now), policies=(now,)) == ("7.2", False)


def test_a_dataset_that_changed_hands_since_the_match_settles_nothing():
    sold = deal(dataset=ResourceView(DATASET, STRANGER.address, 0))
    keys = replace(STORED_KEYS, policy=REFUSING)
    assert stands(keys, replace(SNAPSHOT, deal=sold), policies=(REFUSING,)) == ("7.10", False)


@pytest.mark.parametrize(
    ("check", "keys"),
    [
        ("7.1", replace(STORED_KEYS, dataset=None)),
        ("7.2", replace(STORED_KEYS, policy=None)),
    ],
)
def test_what_a_seller_never_gave_is_settled_only_where_it_is_paid_nothing(check, keys):
    free = replace(SNAPSHOT, deal=deal(dataset=FREE))
    never = {"policies": (), "had_share": False}
    assert stands(keys, free, **never) == (check, True)
    assert stands(keys, **never) == (check, False)
    assert stands(keys, free) == (check, False), "it was there when the deal was made"


def test_a_key_that_opened_nothing_before_the_match_is_settled_only_where_its_seller_is_paid_nothing():
    keys, free = replace(STORED_KEYS, unopened=True), replace(SNAPSHOT, deal=deal(dataset=FREE))
    assert stands(keys, free, unopened=True) == ("7.22", True)
    assert stands(keys, unopened=True) == ("7.22", False), "PoCo would pay its seller"
    assert stands(keys, free) == ("7.22", False), "a preview did not report it"


def test_a_key_that_was_never_proved_is_settled_only_where_that_stood_and_its_seller_is_paid_nothing():
    insisting = policy(proved=True)
    keys = replace(STORED_KEYS, policy=insisting, unproved_since=0)
    free = replace(SNAPSHOT, deal=deal(dataset=FREE))
    stood = {"policies": (insisting,), "unproved": True}
    assert stands(keys, free, **stood) == ("7.23", True)
    assert stands(keys, **stood) == ("7.23", False), "PoCo would pay its seller"
    assert stands(keys, free, policies=(insisting,)) == ("7.23", False), "another key was here, or had opened"
    assert stands(keys, free, policies=(policy(), insisting), unproved=True) == ("7.23", False), "the policy changed"
    assert stands(keys, free, policies=(), unproved=True) == ("7.23", False)


def test_counts_are_settled_where_they_stood_or_the_requester_made_them():
    hour, total = (
        replace(STORED_KEYS, uses=DatasetUses(hour=2)),
        replace(STORED_KEYS, policy=policy(uses_total=1), uses=DatasetUses(total=1)),
    )
    assert stands(hour, uses=DatasetUses(hour=2)) == ("7.4", True)
    assert stands(hour, uses=DatasetUses(hour=1)) == ("7.4", False)
    assert stands(total, policies=(total.policy,), uses=DatasetUses(total=1)) == ("7.9", True)
    assert stands(total, policies=(total.policy,), uses=DatasetUses(total=0)) == ("7.9", False)


@pytest.mark.parametrize(("check", "text"), [("7", "no JSON"), ("7.8", '{"iexec_input_files":["https://x.org/a"]}')])
def test_what_the_params_alone_decide_is_settled_whatever_else_happened(check, text):
    chain = replace(SNAPSHOT, deal=deal(params=text))
    assert stands(chain=chain, policies=(), had_share=False) == (check, True)


def test_inputs_without_a_key_or_a_grant_are_the_requesters():
    bare = replace(SNAPSHOT, deal=deal(dataset=ResourceView("0x" + "00" * 20, "0x" + "00" * 20, 0)), dataset=None)
    assert stands(replace(STORED_KEYS, inputs={}), bare) == ("7.5", True)
    (share, _), *_ = STORED_KEYS.inputs.values()
    assert stands(replace(STORED_KEYS, inputs=dict.fromkeys(STORED_KEYS.inputs, (share, ()))), bare) == ("7.6", True)


def test_no_refusal_about_machines_or_of_what_a_worker_shows_is_ever_settled():
    never = {"1", "2", "3.5", "3.10", "4", "4b", "6", "7.7", "7.11", "7.15", "7.18", "7.20"}
    assert not never & REQUESTER_REFUSALS.keys()


# What a vault remembers


@pytest.fixture
def database(tmp_path):
    database = VaultDatabase(tmp_path / "vault.db")
    yield database
    database.close()


def test_a_vault_remembers_since_when_each_policy_was_in_force(database):
    share_store, history = (
        ShareStore(database, ShareEncryption(b"\1" * 32, os.urandom), FEDERATION),
        DepositHistory(database),
    )
    for version, at in ((1, 100), (2, 200), (3, 300)):
        share_store.set_policy(StoredPolicy(policy(version=version), b""), at=at)

    def between(since, until):
        return [each.version for each in history.policies(DATASET, OWNER.address, since=since, until=until)]

    assert between(0, 99) == []
    assert between(0, 150) == between(120, 150) == [1]
    assert between(150, 250) == [1, 2]
    assert between(250, 1000) == [2, 3]
    assert history.policies(DATASET, STRANGER.address, since=0, until=1000) == []


def test_a_vault_counts_all_uses_of_the_requester_and_settled_uses_of_others(database):
    task_store, history = (
        TaskStore(database, ShareEncryption(b"\1" * 32, os.urandom), FEDERATION),
        DepositHistory(database),
    )
    matched, other = NOW, task_id(SNAPSHOT.deal.deal, 1)

    def counted(requester=REQUESTER.address, cutoff=NOW, at_match=matched):
        return history.uses_at_match(
            DATASET, OWNER.address, requester, matched=at_match, cutoff=cutoff, excluding=other, at=NOW
        )

    task_store.store_release(released())
    assert counted() == DatasetUses(hour=0, total=1), "nobody noted when its deal was made"
    history.note_deal(TASK, matched)
    assert counted() == DatasetUses(hour=1, total=1)
    assert counted(at_match=matched - 3599).hour == counted(at_match=matched + 3599).hour == 1
    assert counted(at_match=matched - 3600).hour == counted(at_match=matched + 3600).hour == 0
    assert counted(STRANGER.address) == DatasetUses(), "what may still fail counts for nobody else"
    task_store.store_settle(settled())
    assert counted(STRANGER.address) == DatasetUses(total=1)
    assert counted(STRANGER.address, cutoff=NOW - 1) == DatasetUses()
    task_store.use_ledger.resolve(TASK, PaymentOutcome.UNPAID, later=0)
    assert counted() == counted(STRANGER.address) == DatasetUses(), "what nobody paid counts for nobody"


def test_facts_that_refuse_use_nothing(database):
    task_store = TaskStore(database, ShareEncryption(b"\1" * 32, os.urandom), FEDERATION)
    task_store.store_release(released(facts=replace_refusal()))
    assert task_store.use_ledger.count_in_hour(DATASET, REQUESTER.address, excluding="", at=NOW) == 0


def replace_refusal():
    from msgspec.structs import replace as with_changes

    return with_changes(facts(), refusal="7.10", secrets=(), inputs=())


def test_a_refusal_of_the_machine_is_none_of_the_deal():
    foreign = replace(STORED_KEYS, policy=policy(allowed=(allowance(runtime=to_digest(b"\x78" * 32)),)))
    from sealgrid.vault.checks.entitlement import entitle

    with pytest.raises(ReleaseRefused) as caught:
        entitle(attested(), SNAPSHOT, check_params(deal(params=params())), foreign, at=NOW)
    assert (caught.value.check, isinstance(caught.value, DealRefused)) == ("5", False)
