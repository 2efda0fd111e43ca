"""Where a worker writes what a job let it see: the task's id is its pool's word, and becomes part of a path."""

import pytest

from sealgrid.units import TaskId
from sealgrid.worker.exposure_log import exposure_file


def test_the_notes_of_a_task_are_named_by_its_id(tmp_path):
    task = TaskId("0x" + "ab" * 32)
    assert exposure_file(tmp_path, task) == tmp_path / f"{task}.json"


@pytest.mark.parametrize("task", ["../../escaped", "/etc/escaped", "0x" + "/.." * 21 + "/", "", "0x12"])
def test_what_is_no_id_becomes_no_path(tmp_path, task):
    with pytest.raises(ValueError, match="hex"):
        exposure_file(tmp_path, TaskId(task))
