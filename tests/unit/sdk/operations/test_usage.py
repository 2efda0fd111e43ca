"""Who used a model, and who lies about it: one named case for each of usage.1 to usage.6."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.vault_log import LogEntry
from sealgrid.sdk.operations.usage import ChainTask, UnpaidUses, UsageEvidence, compare, uses_of
from sealgrid.sdk.operations.vault_logs import LogAccusation, VerifiedLog
from sealgrid.units import to_address, to_digest

MODEL, APP, REQUESTER, STRANGER, WORKER = (to_address(bytes([n]) * 20) for n in range(1, 6))
VAULTS = tuple(to_address(bytes([n]) * 20) for n in (0x11, 0x12, 0x13))
DEAL = to_digest(b"\xdd" * 32)


def entry(task, **changes):
    usual = {
        "deal": DEAL,
        "task": to_digest(bytes([task]) * 32),
        "worker": WORKER,
        "enclave": WORKER,
        "app": APP,
        "asset": MODEL,
        "owner": STRANGER,
        "requester": REQUESTER,
        "policy": 1,
        "session": to_digest(bytes([task]) * 32),
        "facts": DEAL,
        "block": 7,
        "time": 1000 + task,
    }
    return LogEntry(**usual | changes)


def logs_of(*of_each):
    return [VerifiedLog(vault, None, tuple(entries), ()) for vault, entries in zip(VAULTS, of_each, strict=True)]


def evidence(*tasks, **changes):
    known = {entry(task).task: ChainTask(DEAL, MODEL, REQUESTER, APP) for task in tasks}
    return replace(UsageEvidence(known, {}, frozenset()), **changes)


def found(logs, known, accusations=()):
    return [(each.check, each.vault, each.task) for each in compare(MODEL, logs, accusations, known).findings]


ALL = logs_of(*[[entry(1), entry(2)]] * 3)


def test_logs_that_agree_with_the_chain_have_no_findings():
    usage = compare(MODEL, ALL, (), evidence(1, 2))
    assert (usage.ok, usage.findings) == (True, ())
    assert [use.task for use in usage.uses] == [entry(1).task, entry(2).task]
    assert usage.uses[0].vaults == VAULTS


def test_the_second_answer_to_one_enclave_is_the_same_use():
    twice = logs_of([entry(1), entry(1, time=5000)], [entry(1)], [entry(1)])
    (use,) = uses_of(twice)
    assert (use.time, use.vaults) == (1001, VAULTS)


def test_unpaid_releases_are_listed_by_participants_and_accuse_nobody():
    logs = logs_of(*[[entry(1), entry(2, worker=STRANGER), entry(3), entry(4, requester=STRANGER)]] * 3)
    known = evidence(1, 2, 3, unpaid={entry(task).task: APP for task in (1, 2, 3, 4)})
    usage = compare(MODEL, logs, (), known)
    assert usage.unpaid == (UnpaidUses(REQUESTER, APP, WORKER, 2), UnpaidUses(REQUESTER, APP, STRANGER, 1))
    assert [finding.check for finding in usage.findings] == ["usage.3"]  # the fourth is no task of the chain


def test_several_enclaves_of_one_unpaid_task_are_one_use():
    again = entry(1, enclave=STRANGER, worker=STRANGER, session=DEAL, time=5000)
    usage = compare(MODEL, logs_of(*[[entry(1), again]] * 3), (), evidence(1, unpaid={entry(1).task: APP}))
    assert usage.unpaid == (UnpaidUses(REQUESTER, APP, STRANGER, 1),)


def test_usage_1_a_log_that_is_not_proved_is_named_and_no_lie_yet():
    logs = [*ALL[:2], VerifiedLog(VAULTS[2], None, (), ("its log cannot be read",))]
    assert found(logs, evidence(1, 2)) == [("usage.1", VAULTS[2], None)]
    assert compare(MODEL, logs, (), evidence(1, 2)).ok


def test_usage_2_a_vault_that_contradicted_its_log_is_named():
    accused = (LogAccusation(VAULTS[1], "contradicted its own log (rollback)"),)
    assert found(ALL, evidence(1, 2), accused) == [("usage.2", VAULTS[1], None)]
    assert not compare(MODEL, ALL, accused, evidence(1, 2)).ok


@pytest.mark.parametrize(
    "chain",
    [
        {},
        {entry(1).task: ChainTask(to_digest(b"\xee" * 32), MODEL, REQUESTER, APP)},
        {entry(1).task: ChainTask(DEAL, APP, REQUESTER, APP)},
        {entry(1).task: ChainTask(DEAL, MODEL, STRANGER, APP)},
        {entry(1).task: ChainTask(DEAL, MODEL, REQUESTER, MODEL)},
    ],
)
def test_usage_3_a_release_without_its_task_on_the_chain_is_named(chain):
    logs = logs_of(*[[entry(1)]] * 3)
    assert found(logs, evidence(tasks=chain)) == [("usage.3", None, entry(1).task)]


def test_usage_4_a_vault_that_hides_a_release_which_it_signed_is_named():
    logs = logs_of([entry(1)], [], [entry(1)])
    signed = {entry(1).task: frozenset(VAULTS)}
    assert found(logs, evidence(1, signed=signed)) == [("usage.4", VAULTS[1], entry(1).task)]
    assert not compare(MODEL, logs, (), evidence(1, signed=signed)).ok


def test_usage_5_a_vault_without_a_release_that_it_did_not_sign_may_have_been_away():
    logs = logs_of([entry(1)], [], [entry(1)])
    assert found(logs, evidence(1)) == [("usage.5", VAULTS[1], entry(1).task)]
    assert compare(MODEL, logs, (), evidence(1)).ok


def test_usage_6_a_paid_task_that_nobody_logged_is_named():
    paid = frozenset({entry(9).task})
    assert found(ALL, evidence(1, 2, unlogged=paid)) == [("usage.6", None, entry(9).task)]


@given(entries_of=st.lists(st.sets(st.integers(1, 6)), min_size=3, max_size=3), signed=st.sets(st.integers(0, 2)))
def test_every_release_that_a_vault_lacks_is_named_once_for_that_vault(entries_of, signed):
    logs = logs_of(*[[entry(task) for task in sorted(each)] for each in entries_of])
    every = set().union(*entries_of)
    signers = {entry(task).task: frozenset(VAULTS[n] for n in signed) for task in every}
    lacking = {(VAULTS[n], entry(task).task) for n in range(3) for task in every - entries_of[n]}
    named = compare(MODEL, logs, (), evidence(*every, signed=signers)).findings
    assert {(each.vault, each.task) for each in named} == lacking
    assert {each.vault for each in named if each.check == "usage.4"} == {
        VAULTS[n] for n in signed if every - entries_of[n]
    }
    assert len(named) == len(lacking)


def test_a_usage_is_one_json_document():
    document = msgspec.json.decode(msgspec.json.encode(compare(MODEL, ALL, (), evidence(1, 2))))
    assert document["uses"][0]["requester"] == REQUESTER
