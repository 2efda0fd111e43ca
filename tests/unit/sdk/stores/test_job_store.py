"""A result key is in a private file before anything is bought, and opens the result later."""

import stat

import pytest

from sealgrid.errors import InputRefused, NotFound
from sealgrid.sdk.stores.job_store import JobStore
from sealgrid.units import TaskId
from tests.unit.sdk.stores.job_records import D, job, record


def test_a_stored_task_is_read_back_whole(tmp_path):
    jobs, mine = JobStore(tmp_path / "jobs"), job()
    jobs.store(record(mine))
    again = jobs.read(mine.task.upper().replace("0X", "0x")).job()
    assert (again.deal, again.task, again.terms) == (mine.deal, mine.task, mine.terms)
    assert again.result_key.secret == mine.result_key.secret


def test_the_file_is_private_and_no_partial_file_remains(tmp_path):
    jobs, mine = JobStore(tmp_path / "jobs"), job()
    jobs.store(record(mine))
    assert stat.S_IMODE(jobs.path(mine.task).stat().st_mode) == 0o600
    assert stat.S_IMODE(jobs.folder.stat().st_mode) == 0o700
    assert [path.name for path in jobs.folder.iterdir()] == [f"{mine.task}.json"]


def test_the_secret_is_in_no_repr():
    mine = job()
    assert mine.result_key.secret.hex() not in repr(record(mine)) + repr(mine)


def test_the_newest_is_listed_first_and_a_removed_one_is_not(tmp_path):
    jobs = JobStore(tmp_path)
    assert jobs.all() == ()
    for number in (1, 3, 2):
        jobs.store(record(job(number), created=number))
    jobs.remove(job(3).task)
    assert [each.created for each in jobs.all()] == [2, 1]


@pytest.mark.parametrize(("task", "error"), [("0x12", InputRefused), ("../../etc", InputRefused), (D, NotFound)])
def test_an_unknown_task_is_one_clear_error(tmp_path, task, error):
    with pytest.raises(error):
        JobStore(tmp_path).read(task)


def test_a_damaged_file_is_named_and_never_left_out(tmp_path):
    jobs = JobStore(tmp_path)
    jobs.path(TaskId(D)).write_text("{")
    with pytest.raises(InputRefused, match="backup"):
        jobs.all()
