"""How a vault counts uses: one per task, kept while it may be paid or was readable unpaid, given back otherwise."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vault_scene import (
    DATASET,
    DEADLINE,
    ENCLAVE,
    FEDERATION,
    NOW,
    OWNER,
    REQUESTER,
    STRANGER,
    TASK,
    key,
    params,
    policy,
    released,
    settle,
    settled,
    task,
)

from sealgrid.attestation.policy import UNLIMITED
from sealgrid.chain.views import PaymentOutcome, TaskStatus, payment_outcome
from sealgrid.units import to_digest
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import DATABASE, VaultDatabase, use_counts, uses
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.vault.stores.use_ledger import DatasetUse

AT_REST = ShareEncryption(b"\x33" * 32, lambda size: bytes(size))
NO_TASK = to_digest(b"\xff" * 32)
OTHERS = key("somebody else")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with closing(VaultDatabase(tmp_path / DATABASE)) as opened:
        yield opened


@pytest.fixture
def journal(store: VaultDatabase) -> Any:
    return TaskStore(store, AT_REST, FEDERATION)


def in_hour(journal: TaskStore, but: Any = NO_TASK, at: int = NOW, requester: Any = REQUESTER) -> int:
    return journal.use_ledger.in_hour(DATASET, requester.address, but=but, at=at)


def in_total(journal: TaskStore, but: Any = NO_TASK, owner: Any = OWNER) -> int:
    return journal.use_ledger.in_total(DATASET, owner.address, but=but)


def to_check(journal: TaskStore, by: int, most: int = 32) -> list[str]:
    return list(journal.use_ledger.to_check(DATASET, OWNER.address, REQUESTER.address, by=by, most=most))


def test_a_settled_use_counts_for_an_hour_from_its_verdict_on(journal: TaskStore) -> None:
    journal.remember_release(released())
    journal.remember_settle(replace(settled(), at=NOW + 60))
    assert [in_hour(journal, at=NOW + after) for after in (60, 3600, 3659, 3660)] == [1, 1, 1, 0]


def test_a_use_that_may_still_settle_counts_and_then_for_an_hour_from_its_release(journal: TaskStore) -> None:
    late = released()
    journal.remember_release(replace(late, facts=msgspec.structs.replace(late.facts, expiry=NOW + 9000)))
    assert [in_hour(journal, at=NOW + after) for after in (3600, 8999, 9000)] == [1, 1, 0]


def test_the_task_itself_and_others_uses_do_not_count(journal: TaskStore) -> None:
    journal.remember_release(released())
    assert (in_hour(journal, but=TASK), in_total(journal, but=TASK)) == (0, 0)
    assert in_hour(journal, requester=STRANGER) == 0
    assert in_total(journal, owner=REQUESTER) == 0


def test_in_total_a_use_counts_for_ever_whoever_of_the_vaults_signed_its_verdict(journal: TaskStore) -> None:
    journal.remember_release(released())
    assert (in_total(journal), in_hour(journal, at=NOW + 10**9)) == (1, 0)
    journal.remember_settle(settled())
    assert in_total(journal) == 1


def test_several_enclaves_and_verdicts_of_one_task_are_one_use(journal: TaskStore) -> None:
    second = key("second").address
    for enclave in (ENCLAVE.address, second):
        journal.remember_release(released(enclave=enclave))
        journal.remember_settle(replace(settled(), settle=settle(enclave=enclave)))
    assert (in_hour(journal), in_total(journal)) == (1, 1)


def test_a_use_that_nobody_paid_is_given_back_to_both_counts_and_only_once(journal: TaskStore) -> None:
    journal.remember_release(released())
    journal.remember_settle(settled())
    assert to_check(journal, by=DEADLINE - 1) == []
    assert to_check(journal, by=DEADLINE) == [TASK]
    for _ in range(2):
        journal.use_ledger.decide(TASK, PaymentOutcome.UNPAID, later=0)
        assert (in_hour(journal), in_total(journal), to_check(journal, by=DEADLINE)) == (0, 0, [])


def test_a_use_that_was_given_back_is_not_counted_again_from_another_vaults_log(journal: TaskStore) -> None:
    journal.remember_release(released())
    journal.use_ledger.decide(TASK, PaymentOutcome.UNPAID, later=0)
    assert journal.use_ledger.knows(TASK, OWNER.address)
    assert not journal.use_ledger.knows(NO_TASK, OWNER.address)


def test_a_use_that_was_paid_is_never_looked_at_again(journal: TaskStore) -> None:
    journal.remember_release(released())
    journal.use_ledger.decide(TASK, PaymentOutcome.PAID, later=0)
    journal.use_ledger.decide(TASK, PaymentOutcome.UNPAID, later=0)
    assert (in_total(journal), to_check(journal, by=2**40)) == (1, [])


def test_a_use_that_may_still_be_paid_is_looked_at_later(journal: TaskStore) -> None:
    journal.remember_release(released())
    journal.use_ledger.decide(TASK, PaymentOutcome.OPEN, later=DEADLINE + 900)
    assert (in_total(journal), to_check(journal, by=DEADLINE + 899), to_check(journal, by=DEADLINE + 900)) == (
        1,
        [],
        [TASK],
    )


@pytest.mark.parametrize("readable", [{"release": "direct"}, {"callback": STRANGER.address}])
def test_a_use_whose_result_is_readable_unpaid_is_never_given_back(journal: TaskStore, readable: Any) -> None:
    first = released()
    journal.remember_release(replace(first, facts=msgspec.structs.replace(first.facts, **readable)))
    journal.use_ledger.decide(TASK, PaymentOutcome.UNPAID, later=0)
    assert (in_total(journal), to_check(journal, by=2**40)) == (1, [])


def test_a_use_with_a_deferred_callback_is_given_back_as_its_data_open_by_payment_alone(journal: TaskStore) -> None:
    first = released()
    deferred = params(callback="deferred")
    journal.remember_release(replace(first, facts=msgspec.structs.replace(first.facts, params=deferred)))
    assert to_check(journal, by=DEADLINE) == [TASK]


def test_a_task_that_was_readable_unpaid_once_stays_so(journal: TaskStore) -> None:
    usual = released()
    direct = replace(usual, facts=msgspec.structs.replace(usual.facts, release="direct"))
    for released_before in (direct, usual):
        journal.remember_release(released_before)
    assert to_check(journal, by=2**40) == []


def test_the_requesters_own_uses_are_looked_at_first(journal: TaskStore) -> None:
    for number, who in ((1, STRANGER), (2, REQUESTER)):
        journal.use_ledger.add(use(number, requester=who.address))
    assert to_check(journal, by=DEADLINE, most=1) == [to_digest(bytes([2]) * 32)]


def use(number: int, **changes: Any) -> DatasetUse:
    usual = {
        "task": to_digest(bytes([number]) * 32),
        "dataset": DATASET,
        "owner": OWNER.address,
        "requester": REQUESTER.address,
        "used": NOW,
        "deadline": DEADLINE,
        "refundable": True,
    }
    return DatasetUse(**usual | changes)


@pytest.mark.parametrize(
    ("view", "time", "outcome"),
    [
        ({"status": TaskStatus.COMPLETED}, NOW, PaymentOutcome.PAID),
        ({"status": TaskStatus.FAILED}, NOW, PaymentOutcome.UNPAID),
        ({"status": TaskStatus.ACTIVE}, DEADLINE - 1, PaymentOutcome.OPEN),
        ({"status": TaskStatus.ACTIVE}, DEADLINE, PaymentOutcome.UNPAID),
        ({"status": TaskStatus.REVEALING}, NOW + 2999, PaymentOutcome.OPEN),
        ({"status": TaskStatus.REVEALING}, NOW + 3000, PaymentOutcome.UNPAID),
        ({"status": TaskStatus.UNSET, "contribution_deadline": 0, "final_deadline": 0}, 2**40, PaymentOutcome.OPEN),
    ],
)
def test_a_task_is_unpaid_only_where_the_chain_can_pay_it_no_more(
    view: Any, time: int, outcome: PaymentOutcome
) -> None:
    assert payment_outcome(task(**view), time) is outcome


def test_what_was_released_before_uses_were_counted_so_is_counted_at_the_next_start(tmp_path: Path) -> None:
    with closing(VaultDatabase(tmp_path / "old.db")) as store:
        journal = TaskStore(store, AT_REST, FEDERATION)
        journal.remember_release(released())
        journal.remember_settle(settled())
        with store.transaction() as connection:
            connection.execute(uses.delete())
            connection.execute(use_counts.delete())
        assert in_total(journal) == 0
        assert (in_total(TaskStore(store, AT_REST, FEDERATION)), in_hour(journal)) == (1, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["release", "settle", "paid", "unpaid", "open"]), st.integers(1, 4), st.booleans()),
        max_size=25,
    )
)
def test_the_total_is_always_the_number_of_tasks_that_are_not_given_back(
    tmp_path_factory: pytest.TempPathFactory, steps: Any
) -> None:
    with closing(VaultDatabase(tmp_path_factory.mktemp("uses") / DATABASE)) as store:
        ledger, model = TaskStore(store, AT_REST, FEDERATION).use_ledger, {}  # task: may be given back
        for step, number, refundable in steps:
            named = use(number, refundable=refundable)
            match step:
                case "release":
                    ledger.add(named)
                    model[named.task] = refundable and model.get(named.task, True)
                case "settle":
                    ledger.settle(named.task, NOW)
                case "unpaid":
                    ledger.decide(named.task, PaymentOutcome.UNPAID, later=0)
                    if model.get(named.task):
                        del model[named.task]
                case "paid":
                    ledger.decide(named.task, PaymentOutcome.PAID, later=0)
                    model = {task: may and task != named.task for task, may in model.items()}
                case "open":
                    ledger.decide(named.task, PaymentOutcome.OPEN, later=DEADLINE + 1)
        assert ledger.in_total(DATASET, OWNER.address, but=NO_TASK) == len(model)


@pytest.mark.parametrize(
    ("terms", "quorum"),
    [
        ({}, 0),
        ({"quorum": 3}, 3),
        ({"uses_total": 4}, 5),
        ({"uses_total": 4, "quorum": 3}, 5),
        ({"uses_total": UNLIMITED, "quorum": 4}, 4),
    ],
)
def test_where_uses_are_counted_in_total_every_vault_must_release(terms: Any, quorum: int) -> None:
    assert policy(**terms).quorum_among(5) == quorum
