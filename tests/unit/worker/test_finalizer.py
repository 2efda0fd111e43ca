"""A job is worth its work while the chain would pay for it."""

from typing import Any

import pytest

from sealgrid.chain.blocks import Block
from sealgrid.chain.views import TaskStatus
from sealgrid.units import to_digest
from sealgrid.worker.finalizer import Finalizer
from tests.unit.worker.job_scene import JOB


class Chain:
    """A hub and its node at one time, with one task."""

    contribution_deadline = 70

    def __init__(self, status: TaskStatus, time: int) -> None:
        self.status, self.time, self.node = status, time, self

    async def view_task(self, task: object) -> "Chain":
        return self

    async def block(self) -> Block:
        return Block(1, to_digest(bytes(32)), to_digest(bytes(32)), self.time)


@pytest.mark.parametrize(
    ("status", "time", "payable"),
    [(TaskStatus.ACTIVE, 69, True), (TaskStatus.ACTIVE, 70, False), (TaskStatus.COMPLETED, 1, False)],
)
async def test_a_task_is_payable_until_its_deadline(status: TaskStatus, time: int, payable: bool) -> None:
    chain: Any = Chain(status, time)
    assert await Finalizer(chain, chain).is_payable(JOB) == payable
