"""A run request refuses combinations that no run can have, and hides its private parts."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import to_address

APP, CONTRACT = to_address(b"\x01" * 20), to_address(b"\x02" * 20)


def test_a_run_has_one_kind_of_callback():
    with pytest.raises(InputRefused, match="not both"):
        RunRequest(APP, callback=CONTRACT, deferred_callback=True)


@pytest.mark.parametrize("tasks", [0, -1])
def test_at_least_one_task_is_bought(tasks):
    with pytest.raises(InputRefused, match="one or more"):
        RunRequest(APP, tasks=tasks)


def test_its_repr_shows_nothing_that_is_sealed():
    request = RunRequest(APP, files=[("letter", b"private-1")], args=["private-2"], secrets={"1": "private-3"})
    assert "private" not in repr(request)
