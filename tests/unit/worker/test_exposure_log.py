"""Path of a job's exposure log: the pool chooses the task id, so it is validated."""

import pytest

from sealgrid.units import TaskId
from sealgrid.worker.exposure_log import exposure_file


def test_the_notes_of_a_task_are_named_by_its_id(tmp_path):
    task = TaskId("0x" + "ab" * 32)
    assert exposure_file(tmp_path, task) == tmp_path / f"{task}.json"


@pytest.mark.parametrize("task", ["../../escaped", "/etc/escaped", "0x" + "/.." * 21 + "/", "", "0x12"])
def test_an_invalid_id_is_refused_as_a_path(tmp_path, task):
    with pytest.raises(ValueError, match="hex"):
        exposure_file(tmp_path, TaskId(task))
