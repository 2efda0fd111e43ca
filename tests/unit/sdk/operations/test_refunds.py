"""A refund is claimed after the final deadline, once, for a task of the deal."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ContractReverted, InputRefused, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.sdk.operations.refunds import claim, deal_of, tasks_of
from sealgrid.units import to_address, to_digest

DEAL = to_digest(b"\xdd" * 32)
PARTY = to_address(b"\x01" * 20)
TASK = task_id(DEAL, 4)
START, TIMEREF = 1_000, 30
DEADLINE = START + 10 * TIMEREF


class Chain:
    """A hub with one deal of the tasks 3 and 4."""

    def __init__(self, now: int, status=TaskStatus.ACTIVE, *, clock_ahead=0) -> None:
        self.now, self.status, self.clock_ahead, self.claimed = now, status, clock_ahead, []

    async def view_deal(self, deal):
        return SimpleNamespace(start_time=START, category=0, sponsor=PARTY, requester=PARTY, bot_first=3, bot_size=2)

    async def view_task(self, task):
        return SimpleNamespace(status=self.status, deal=DEAL)

    async def view_category(self, number):
        return SimpleNamespace(timeref=TIMEREF)

    async def block(self):
        return SimpleNamespace(timestamp=self.now)

    async def claim_refund(self, wallet, deal, index):
        if self.now < DEADLINE:
            raise ContractReverted("too early.")
        self.claimed.append(index)
        self.status = TaskStatus.FAILED

    def conn(self):
        return SimpleNamespace(hub=self, node=self, wallet=None, clock=lambda: self.now + self.clock_ahead)


async def test_a_refund_is_claimed_by_the_index_of_the_task_and_once():
    chain = Chain(DEADLINE)
    for _ in range(2):
        assert (await claim(chain.conn(), DEAL, TASK)).kind == "refunded"
    assert chain.claimed == [4]


@pytest.mark.parametrize("ahead", [0, 60], ids=["chain", "clock of this machine ahead"])
async def test_before_the_deadline_the_error_names_it(ahead):
    with pytest.raises(InputRefused, match=r"can be claimed from 1970-01-01 00:21:40 UTC on") as refused:
        await claim(Chain(DEADLINE - 1, clock_ahead=ahead).conn(), DEAL, TASK)
    assert refused.value.money.startswith("The price is locked until")


async def test_a_paid_task_has_nothing_to_claim():
    with pytest.raises(InputRefused, match="was completed; there is nothing to claim"):
        await claim(Chain(DEADLINE, TaskStatus.COMPLETED).conn(), DEAL, TASK)


async def test_a_task_of_another_deal_is_not_found():
    with pytest.raises(NotFound, match="has no task"):
        await claim(Chain(DEADLINE).conn(), DEAL, task_id(DEAL, 9))


async def test_the_tasks_of_a_deal_are_known_and_the_deal_of_an_opened_task():
    assert await tasks_of(Chain(0).conn(), DEAL) == (task_id(DEAL, 3), TASK)
    assert await deal_of(Chain(0).conn(), TASK) == DEAL
    with pytest.raises(NotFound, match="give the deal too"):
        await deal_of(Chain(0, TaskStatus.UNSET).conn(), TASK)
