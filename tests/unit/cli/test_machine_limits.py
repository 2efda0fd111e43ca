"""Limits of an app on a machine: none is reported active that is not."""

import pytest

from sealgrid.cli.machine_limits import assess_limits


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, set()),
        ({"active": {"memory": 1}}, {"pids cgroup"}),
        ({"active": {}}, {"memory cgroup", "pids cgroup"}),
        ({"user": 0}, {"own user"}),
        ({"actions": "allow"}, {"seccomp", "shared memory"}),
        ({"lower": "RLIMIT_AS"}, {"own hard limits"}),
        ({"pattern": "|/usr/lib/collector", "max_core_bytes": 0}, {"core dumps off"}),
    ],
)
def test_no_limit_is_claimed_that_does_not_hold(changes, missing):
    good = {
        "active": {"memory": 2, "pids": 2},
        "user": 1000,
        "actions": "kill_process errno allow",
        "pattern": "core",
        "max_core_bytes": -1,
    }
    assert {each.name for each in assess_limits(**good | changes) if not each.found} == missing
