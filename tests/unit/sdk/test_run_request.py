"""A run request refuses combinations that no run can have, and hides its private parts."""

import pytest

from sealgrid.errors import InputRefused, TeeRequired
from sealgrid.poco.tags import NO_TAG, TEE_TAG
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


@pytest.mark.parametrize(
    ("private", "named"),
    [
        ({"model": CONTRACT}, "a model"),
        ({"secrets": {"1": "x"}}, "a secret"),
        ({"callback": CONTRACT}, "a callback"),
        ({"deferred_callback": True}, "a callback"),
    ],
)
def test_a_run_without_a_tee_names_nothing_that_only_an_enclave_protects(private, named):
    with pytest.raises(TeeRequired, match=f"this run has {named}, which only an enclave protects"):
        RunRequest(APP, tee=False, trust=3, **private)


def test_a_run_without_a_tee_has_no_tag_and_one_in_an_enclave_no_trust():
    assert (RunRequest(APP).tag, RunRequest(APP, tee=False, trust=2).tag) == (TEE_TAG, NO_TAG)
    with pytest.raises(InputRefused, match="belongs to a run without a TEE"):
        RunRequest(APP, trust=3)


@pytest.mark.parametrize("trust", [1, 129])
def test_a_run_without_a_tee_has_a_trust_at_which_results_are_compared(trust):
    with pytest.raises(
        InputRefused, match=f"is from 2 to 128, not {trust}; at 1 PoCo pays one worker without a comparison"
    ):
        RunRequest(APP, tee=False, trust=trust)
