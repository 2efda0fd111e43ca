"""Counting of uses: one per task; an unpaid use whose result stayed sealed is refunded."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealgrid.attestation.policy import UNLIMITED
from sealgrid.chain.views import PaymentOutcome, TaskStatus, payment_outcome
from sealgrid.units import to_digest
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.schema import use_counts, uses
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.vault.stores.use_ledger import DatasetUse
from tests.unit.vault.vault_scene import (
    AT_REST,
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

NO_TASK = to_digest(b"\xff" * 32)
OTHERS = key("somebody else")


def count_in_hour(task_store: TaskStore, excluding: Any = NO_TASK, at: int = NOW, requester: Any = REQUESTER) -> int:
    return task_store.use_ledger.count_in_hour(DATASET, requester.address, excluding=excluding, at=at)


def count_total(task_store: TaskStore, excluding: Any = NO_TASK, owner: Any = OWNER) -> int:
    return task_store.use_ledger.count_total(DATASET, owner.address, excluding=excluding)


def unresolved(task_store: TaskStore, by: int, most: int = 32) -> list[str]:
    return list(task_store.use_ledger.unresolved(DATASET, OWNER.address, REQUESTER.address, by=by, most=most))


def test_a_settled_use_counts_for_an_hour_from_its_verdict_on(task_store: TaskStore) -> None:
    task_store.store_release(released())
    task_store.store_settle(replace(settled(), at=NOW + 60))
    assert [count_in_hour(task_store, at=NOW + after) for after in (60, 3600, 3659, 3660)] == [1, 1, 1, 0]


def test_a_use_that_may_still_settle_counts_and_then_for_an_hour_from_its_release(task_store: TaskStore) -> None:
    late = released()
    task_store.store_release(replace(late, facts=msgspec.structs.replace(late.facts, expiry=NOW + 9000)))
    assert [count_in_hour(task_store, at=NOW + after) for after in (3600, 8999, 9000)] == [1, 1, 0]


def test_the_task_itself_and_others_uses_do_not_count(task_store: TaskStore) -> None:
    task_store.store_release(released())
    assert (count_in_hour(task_store, excluding=TASK), count_total(task_store, excluding=TASK)) == (0, 0)
    assert count_in_hour(task_store, requester=STRANGER) == 0
    assert count_total(task_store, owner=REQUESTER) == 0


def test_in_total_a_use_counts_for_ever_whichever_vault_signed_its_verdict(task_store: TaskStore) -> None:
    task_store.store_release(released())
    assert (count_total(task_store), count_in_hour(task_store, at=NOW + 10**9)) == (1, 0)
    task_store.store_settle(settled())
    assert count_total(task_store) == 1


def test_several_enclaves_and_verdicts_of_one_task_are_one_use(task_store: TaskStore) -> None:
    second = key("second").address
    for enclave in (ENCLAVE.address, second):
        task_store.store_release(released(enclave=enclave))
        task_store.store_settle(replace(settled(), settle=settle(enclave=enclave)))
    assert (count_in_hour(task_store), count_total(task_store)) == (1, 1)


def test_an_unpaid_use_is_refunded_to_both_counts_and_only_once(task_store: TaskStore) -> None:
    task_store.store_release(released())
    task_store.store_settle(settled())
    assert unresolved(task_store, by=DEADLINE - 1) == []
    assert unresolved(task_store, by=DEADLINE) == [TASK]
    for _ in range(2):
        task_store.use_ledger.resolve(TASK, PaymentOutcome.UNPAID, later=0)
        assert (count_in_hour(task_store), count_total(task_store), unresolved(task_store, by=DEADLINE)) == (0, 0, [])


def test_a_refunded_use_is_not_counted_again_from_another_vaults_log(task_store: TaskStore) -> None:
    task_store.store_release(released())
    task_store.use_ledger.resolve(TASK, PaymentOutcome.UNPAID, later=0)
    assert task_store.use_ledger.is_known(TASK, OWNER.address)
    assert not task_store.use_ledger.is_known(NO_TASK, OWNER.address)


def test_a_paid_use_is_never_checked_again(task_store: TaskStore) -> None:
    task_store.store_release(released())
    task_store.use_ledger.resolve(TASK, PaymentOutcome.PAID, later=0)
    task_store.use_ledger.resolve(TASK, PaymentOutcome.UNPAID, later=0)
    assert (count_total(task_store), unresolved(task_store, by=2**40)) == (1, [])


def test_a_use_that_may_still_be_paid_is_checked_later(task_store: TaskStore) -> None:
    task_store.store_release(released())
    task_store.use_ledger.resolve(TASK, PaymentOutcome.OPEN, later=DEADLINE + 900)
    assert (
        count_total(task_store),
        unresolved(task_store, by=DEADLINE + 899),
        unresolved(task_store, by=DEADLINE + 900),
    ) == (
        1,
        [],
        [TASK],
    )


@pytest.mark.parametrize("readable", [{"release": "direct"}, {"callback": STRANGER.address}])
def test_a_use_whose_result_is_readable_unpaid_is_never_refunded(task_store: TaskStore, readable: Any) -> None:
    first = released()
    task_store.store_release(replace(first, facts=msgspec.structs.replace(first.facts, **readable)))
    task_store.use_ledger.resolve(TASK, PaymentOutcome.UNPAID, later=0)
    assert (count_total(task_store), unresolved(task_store, by=2**40)) == (1, [])


def test_a_use_with_a_deferred_callback_is_refunded_because_its_data_need_payment(task_store: TaskStore) -> None:
    first = released()
    deferred = params(callback="deferred")
    task_store.store_release(replace(first, facts=msgspec.structs.replace(first.facts, params=deferred)))
    assert unresolved(task_store, by=DEADLINE) == [TASK]


def test_a_task_that_was_readable_unpaid_once_stays_so(task_store: TaskStore) -> None:
    usual = released()
    direct = replace(usual, facts=msgspec.structs.replace(usual.facts, release="direct"))
    for released_before in (direct, usual):
        task_store.store_release(released_before)
    assert unresolved(task_store, by=2**40) == []


def test_the_requesters_own_uses_are_checked_first(task_store: TaskStore) -> None:
    for number, who in ((1, STRANGER), (2, REQUESTER)):
        task_store.use_ledger.add(use(number, requester=who.address))
    assert unresolved(task_store, by=DEADLINE, most=1) == [to_digest(bytes([2]) * 32)]


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
    with closing(VaultDatabase(tmp_path / "old.db")) as database:
        task_store = TaskStore(database, AT_REST, FEDERATION)
        task_store.store_release(released())
        task_store.store_settle(settled())
        with database.transaction() as connection:
            connection.execute(uses.delete())
            connection.execute(use_counts.delete())
        assert count_total(task_store) == 0
        assert (count_total(TaskStore(database, AT_REST, FEDERATION)), count_in_hour(task_store)) == (1, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["release", "settle", "paid", "unpaid", "open"]), st.integers(1, 4), st.booleans()),
        max_size=25,
    )
)
def test_the_total_is_always_the_number_of_tasks_without_a_refund(
    tmp_path_factory: pytest.TempPathFactory, steps: Any
) -> None:
    with closing(VaultDatabase(tmp_path_factory.mktemp("uses") / DATABASE)) as database:
        ledger, model = TaskStore(database, AT_REST, FEDERATION).use_ledger, {}  # task: may be given back
        for step, number, refundable in steps:
            named = use(number, refundable=refundable)
            match step:
                case "release":
                    ledger.add(named)
                    model[named.task] = refundable and model.get(named.task, True)
                case "settle":
                    ledger.settle(named.task, NOW)
                case "unpaid":
                    ledger.resolve(named.task, PaymentOutcome.UNPAID, later=0)
                    if model.get(named.task):
                        del model[named.task]
                case "paid":
                    ledger.resolve(named.task, PaymentOutcome.PAID, later=0)
                    model = {task: may and task != named.task for task, may in model.items()}
                case "open":
                    ledger.resolve(named.task, PaymentOutcome.OPEN, later=DEADLINE + 1)
        assert ledger.count_total(DATASET, OWNER.address, excluding=NO_TASK) == len(model)


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
