"""Who judges a deal, of the hub's teebroker and the pool's recorded owner."""

import pytest

from sealgrid.poco.proof_judge import ProofJudge, judge_of
from sealgrid.units import ZERO_ADDRESS, to_address

OURS, OTHER, PERSON = (to_address(bytes([n]) * 20) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("teebroker", "pool_owner", "judge"),
    [
        (OURS, PERSON, ProofJudge.BROKER),
        (OURS, OURS, ProofJudge.BROKER),
        (ZERO_ADDRESS, OURS, ProofJudge.GATE),
        (ZERO_ADDRESS, PERSON, ProofJudge.POOL),
        (OTHER, PERSON, ProofJudge.POOL),
        (OTHER, OURS, ProofJudge.POOL),  # PoCo asks the teebroker about enclaves, not the pool's owner
    ],
)
def test_the_pinned_contract_checks_only_where_poco_calls_it(teebroker, pool_owner, judge):
    assert judge_of(teebroker=teebroker, pool_owner=pool_owner, pinned=OURS) is judge


def test_the_text_of_each_mode():
    assert [str(mode) for mode in ProofJudge] == ["broker", "gate", "pool's signature only"]
