"""What a task needs next follows from its state."""

import pytest

from sealgrid.pool.next_actions import (
    chain_call,
    is_assignable,
    is_in_backlog,
    is_spare,
    lease_until,
    next_deadline,
    repeatable_after,
)
from sealgrid.pool.task import MAX_ATTEMPTS, PoolTask, TaskCopy
from tests.unit.pool.store_scene import ANNA, BERT, DEAL, RULES, TASK, deal


def task(stage: str, **fields: object) -> PoolTask:
    return PoolTask(task=TASK, deal=DEAL, index=4, stage=stage, history=(), **fields)  # type: ignore[arg-type]


def working(stage: str, **fields: object) -> PoolTask:
    return task(stage, worker=ANNA, initialized=True, last_report=100.0, stage_since=100.0, **fields)


def copy(stage: str = "assigned", last_report: float = 100.0) -> TaskCopy:
    return TaskCopy(worker=BERT, fence=2, stage=stage, last_report=last_report, stage_since=100.0)  # type: ignore[arg-type]


def test_a_queued_task_waits_for_a_worker_unless_the_vaults_judge_a_refusal():
    assert is_assignable(task("waiting", queued=True))
    assert not is_assignable(task("waiting"))
    assert not is_assignable(task("waiting", queued=True, claimed_check="7.4"))


def test_a_task_that_wants_two_workers_waits_for_the_second():
    assert is_assignable(working("running", wanted=2))
    assert not is_assignable(working("running", wanted=2, copies=(copy(),)))
    assert not is_assignable(working("running"))


@pytest.mark.parametrize(
    "other",
    [
        working("attested", tail=True),
        working("running"),
        working("running", tail=True, copies=(copy(),)),
        working("running", tail=True, attempt=MAX_ATTEMPTS - 1),
    ],
    ids=["before the keys", "not of the tail", "already copied", "last attempt"],
)
def test_an_idle_worker_computes_one_of_the_last_tasks_once_its_worker_has_the_keys(other: PoolTask):
    assert is_spare(working("running", tail=True))
    assert not is_spare(other)


def test_a_task_is_in_its_requesters_backlog_between_the_chain_and_the_queue():
    assert is_in_backlog(task("waiting", initialized=True))
    assert not is_in_backlog(task("waiting"))
    assert not is_in_backlog(task("waiting", initialized=True, queued=True))


def test_a_worker_that_sent_nothing_about_a_task_gets_it_again_after_a_pause():
    assert repeatable_after(working("assigned"), ANNA, RULES) == 105
    assert repeatable_after(working("launched"), ANNA, RULES) is None
    assert repeatable_after(working("running", copies=(copy(last_report=200.0),)), BERT, RULES) == 205


def test_reports_renew_a_lease_up_to_ten_leases_and_without_limit_while_the_app_runs():
    assert lease_until(working("launched"), RULES) == 130
    late = {"last_report": 1000.0, "stage_since": 100.0, "worker": ANNA, "initialized": True}
    assert lease_until(task("launched", **late), RULES) == 400
    assert lease_until(task("running", **late), RULES) == 1030


def test_the_first_of_several_workers_ends_the_lease_and_a_waiting_task_has_none():
    assert lease_until(working("running", copies=(copy(last_report=50.0),)), RULES) == 80
    assert lease_until(task("waiting"), RULES) is None


def test_an_open_task_ends_with_the_contribution_deadline_and_a_failed_one_with_the_final():
    assert next_deadline(working("running"), deal()) == 700
    assert next_deadline(task("failed"), deal()) == 1000
    assert next_deadline(task("failed", refund_due=True), deal()) is None
    assert next_deadline(task("completed"), deal()) is None


def test_a_call_follows_from_the_state_unless_a_transaction_carries_it():
    call = chain_call(task("waiting"))
    assert call is not None
    assert call.kind == "initialize"
    assert chain_call(task("waiting", nonce=7)) is None
    due = [chain_call(task("failed", refund_due=True, initialized=known)) for known in (True, False)]
    assert [each and each.kind for each in due] == ["claim", "initialize and claim"]
    assert chain_call(working("running")) is None
