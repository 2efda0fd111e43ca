"""How many equal results are a consensus, and in which order workers contribute them."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.poco.consensus import ConsensusTally, contribution_order
from sealgrid.units import Address, to_address, to_digest

RESULTS = tuple(to_digest(bytes([number]) * 32) for number in (1, 2))
ADDRESSES = tuple(to_address(bytes([number]) * 20) for number in range(1, 7))


def required_workers(trust: int) -> int:
    """Return the least r for which a trust is at most 2^r."""
    return next(r for r in range(1, 9) if trust <= 2**r)


@pytest.mark.parametrize("trust", [1, 2, 3, 4, 5, 8, 9, 16, 17])
def test_as_many_fresh_workers_as_the_formula_says_are_consensus_and_one_fewer_are_not(trust: int) -> None:
    tally = ConsensusTally(trust)
    for worker in ADDRESSES[: required_workers(trust)]:
        assert tally.consensus is None
        tally = tally.contribute(worker, RESULTS[0], 0)
    assert tally.consensus == RESULTS[0]


def plan(honest: int, lying: int, trust: int) -> tuple[Address, ...]:
    workers = [(worker, RESULTS[0], 0) for worker in ADDRESSES[:honest]]
    liars = [(worker, RESULTS[1], 0) for worker in ADDRESSES[honest : honest + lying]]
    return contribution_order(ConsensusTally(trust), workers, liars)


def test_a_lying_minority_contributes_first_where_the_others_are_still_a_consensus() -> None:
    assert plan(3, 1, trust=3) == (ADDRESSES[3], *ADDRESSES[:3])


@pytest.mark.parametrize(("honest", "trust"), [(2, 1), (2, 2), (2, 3)])
def test_a_lying_minority_does_not_contribute_where_it_would_decide_or_prevent_the_consensus(
    honest: int, trust: int
) -> None:
    assert plan(honest, 1, trust) == ADDRESSES[: required_workers(trust)]


def test_too_few_equal_results_are_no_consensus() -> None:
    with pytest.raises(InputRefused, match="2 equal results are no consensus at trust 5"):
        plan(2, 0, trust=5)
