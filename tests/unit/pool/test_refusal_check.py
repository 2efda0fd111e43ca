"""When the answers of the vaults to a reported refusal end a task."""

import pytest

from sealgrid.pool.refusal_check import refusal_verdict
from sealgrid.units import to_address
from sealgrid.wire.preview import VaultOpinion

VAULT = to_address(b"\x0a" * 20)


def opinion(check: str = "", *, of_deal: bool = True, settles: bool = False) -> VaultOpinion:
    return VaultOpinion(VAULT, check, of_deal and bool(check), settles, "reason", ())


@pytest.mark.parametrize(
    ("opinions", "ends"),
    [
        ([], False),
        ([opinion("7.10")], False),
        ([opinion("7.10"), opinion()], False),
        ([opinion("7.10"), opinion("7.10")], True),
        ([opinion("7.10", settles=True), opinion("7.10")], True),
        ([opinion("7.10", settles=True), opinion("7.10", settles=True)], False),
        ([opinion("7.15", of_deal=False)] * 3, False),
    ],
)
def test_a_task_ends_when_fewer_than_t_vaults_are_left_to_release_or_to_settle(
    opinions: list[VaultOpinion], ends: bool
) -> None:
    assert bool(refusal_verdict(opinions, vaults=3, threshold=2)[0]) == ends
