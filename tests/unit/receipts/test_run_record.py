"""Rates count what they name, and are absent before the first task."""

from sealgrid.receipts.run_record import RunRecord, RunTimes


def test_the_answer_rate_counts_answers_and_failures_alone():
    assert RunRecord(answers=3, failures=1, refusals=5, unverified=7, refunded=9, open=9).answer_rate == 0.75


def test_the_completion_rate_counts_every_paid_task_as_completed_by_its_machine():
    assert RunRecord(answers=3, failures=1, refusals=1, unverified=1, refunded=2, open=9).completion_rate == 0.75


def test_without_tasks_there_is_no_rate():
    assert (RunRecord(open=1).answer_rate, RunRecord(open=1).completion_rate) == (None, None)


def test_times_are_a_median():
    assert RunTimes.of([9, 1, 2]) == RunTimes(3, 2)
    assert RunTimes.of([]) == RunTimes(0, None)
