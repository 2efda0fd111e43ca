"""Tasks of a bag are reported once each, whoever shows their end first."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.sdk.operations import bag_watch
from sealgrid.sdk.operations.bag_watch import ended_tasks
from sealgrid.units import TaskId

TASKS = tuple(TaskId("0x" + f"{number:064x}") for number in range(12))


class Chain:
    """A chain on which tasks end in later blocks, and the pool's stages."""

    def __init__(self, before=(), by_block=None, given_up=()):
        self.before, self.by_block, self.given_up = set(before), by_block or {}, set(given_up)
        self.head, self.ranges = 5, []
        self.node = self.hub = self

    async def block(self):
        self.head += 1
        return SimpleNamespace(number=self.head)

    async def view_task(self, task):
        return SimpleNamespace(status=TaskStatus.COMPLETED if task in self.before else TaskStatus.ACTIVE)


@pytest.fixture
def watched(monkeypatch):
    async def watch(chain, tasks=TASKS):
        async def history(conn, task):
            return (SimpleNamespace(stage="failed" if task in chain.given_up else "running"),)

        async def ended_between(conn, waiting, first, last):
            chain.ranges.append((first, last))
            ended = {task for block in range(first, last + 1) for task in chain.by_block.get(block, ())}
            return ended & set(waiting)

        monkeypatch.setattr(bag_watch, "history", history)
        monkeypatch.setattr(bag_watch, "_ended_between", ended_between)
        monkeypatch.setattr(bag_watch, "POLL_SECONDS", 0)
        return [task async for task in ended_tasks(chain, tasks)]

    return watch


async def test_tasks_that_ended_before_come_first_and_each_comes_once(watched):
    chain = Chain(before=TASKS[3:6], by_block={7: TASKS[:3], 8: TASKS[2:9], 9: TASKS[9:]})
    assert await watched(chain) == [*TASKS[3:6], *TASKS[:3], *TASKS[6:9], *TASKS[9:]]


async def test_no_block_is_left_out_between_two_reads(watched):
    chain = Chain(by_block={7: TASKS[:6], 9: TASKS[6:]})
    await watched(chain)
    assert chain.ranges == [(6, 7), (7, 8), (8, 9)]


async def test_a_task_that_its_pool_gave_up_is_reported_wherever_it_stands(watched):
    assert sorted(await watched(Chain(given_up=TASKS[10:], by_block={7: TASKS[:10]}))) == sorted(TASKS)


async def test_a_bag_without_tasks_ends_at_once(watched):
    assert await watched(Chain(), ()) == []
