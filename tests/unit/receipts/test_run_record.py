"""Rates count what they name, and are absent before the first task."""

from sealgrid.receipts.run_record import RunRecord, RunTimes, counted_as


def test_the_answer_rate_counts_answers_and_failures_alone():
    assert RunRecord(answers=3, failures=1, refusals=5, unverified=7, refunded=9, open=9).answer_rate == 0.75


def test_a_failed_app_of_a_proof_is_no_failure_and_every_other_end_counts_as_it_is():
    assert counted_as("app-failed", proof=True) == "proofs"
    assert counted_as("app-failed", proof=False) == counted_as("unopened", proof=True) == "failures"
    assert counted_as("ok", proof=True) == "answers"
    assert RunRecord(answers=1, proofs=5).answer_rate == 1
    assert RunRecord(answers=1, proofs=5).paid == 6


def test_the_completion_rate_counts_every_paid_task_as_completed_by_its_machine():
    assert RunRecord(answers=3, failures=1, refusals=1, unverified=1, refunded=2, open=9).completion_rate == 0.75


def test_without_tasks_there_is_no_rate():
    assert (RunRecord(open=1).answer_rate, RunRecord(open=1).completion_rate) == (None, None)


def test_times_are_a_median():
    assert RunTimes.of([9, 1, 2]) == RunTimes(3, 2)
    assert RunTimes.of([]) == RunTimes(0, None)
