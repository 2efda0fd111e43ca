"""The record of a worker is in its file after each change, and counts the tasks of one day."""

from pathlib import Path

from sealgrid.worker.work_record import RECORD, RunningTask, WorkRecord, read_status
from tests.unit.worker.job_scene import JOB

DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 10 * DAY

    def __call__(self) -> float:
        return self.now


def test_stages_are_recorded_once_and_a_task_that_ended_is_counted(tmp_path: Path):
    clock = Clock()
    record = WorkRecord(tmp_path, 2, clock)
    record.stage(JOB.task, "launched")
    clock.now += 5
    record.stage(JOB.task, "launched")
    record.contact()
    status = read_status(tmp_path)
    assert status is not None
    assert status.running == (RunningTask(JOB.task, "launched", 10 * DAY),)
    assert (status.slots, status.last_contact) == (2, 10 * DAY + 5)
    record.ended(JOB.task, done=True)
    again = WorkRecord(tmp_path, 1, clock).status
    assert (again.running, again.day, again.done, again.lost) == ((), "1970-01-11", 1, 0)


def test_the_first_of_several_failed_requests_is_recorded_until_the_pool_answers(tmp_path: Path):
    clock = Clock()
    record = WorkRecord(tmp_path, 1, clock)
    record.silence()
    clock.now += 5
    record.silence()
    assert record.status.silent_since == 10 * DAY
    record.contact()
    assert record.status.silent_since is None


def test_a_new_day_counts_from_zero(tmp_path: Path):
    clock = Clock()
    record = WorkRecord(tmp_path, 1, clock)
    record.ended(JOB.task, done=True)
    clock.now += DAY
    record.ended(JOB.task, done=False)
    assert (record.status.day, record.status.done, record.status.lost) == ("1970-01-12", 0, 1)


def test_a_damaged_record_is_none_and_a_folder_that_is_gone_ends_nothing(tmp_path: Path):
    record = WorkRecord(tmp_path / "gone", 1)
    record.contact()
    assert read_status(tmp_path / "gone") is None
    (tmp_path / RECORD).write_bytes(b"{")
    assert read_status(tmp_path) is None
