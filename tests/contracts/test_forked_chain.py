"""A chain that forks and takes another id: what vaults signed before counts on neither side for the other."""

from pathlib import Path

import pytest

from sealgrid.errors import ContractReverted
from tests.contracts.gate_market import judged_by
from tests.contracts.memory_chain import LOCAL_CHAIN, MemoryNode, now
from tests.contracts.scene import attempt, open_market

pytestmark = pytest.mark.chain
POCO = Path(__file__).parents[2] / ".cache/poco"


@pytest.mark.parametrize("who", ["broker", "gate"])
def test_10_a_verdict_from_before_the_fork_is_refused_after_it(who: str) -> None:
    node = MemoryNode(LOCAL_CHAIN)
    good = now(attempt(now(judged_by(who, now(open_market(node, POCO))))))
    assert now(good.judged()) == 0
    node.fork(LOCAL_CHAIN + 1)
    assert now(good.judged()) == 10
    with pytest.raises(ContractReverted):
        now(good.publish())
    node.fork(LOCAL_CHAIN)
    now(good.publish())
