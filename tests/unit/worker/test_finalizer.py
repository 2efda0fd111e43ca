"""A job is worth its work while the chain would pay for it, and as the chain has it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sealgrid.chain.blocks import Block
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import HostFailed
from sealgrid.poco.ids import task_id
from sealgrid.units import to_address, to_digest
from sealgrid.wire.pool import PublicJob
from sealgrid.worker import finalizer
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


POOL, APP, CHECKSUM = to_address(b"\x01" * 20), to_address(b"\x02" * 20), to_digest(b"\x03" * 32)
DEAL = SimpleNamespace(
    deal=JOB.deal,
    app=SimpleNamespace(pointer=APP),
    workerpool=SimpleNamespace(pointer=POOL),
    params='{"iexec_args":"a"}',
    bot_first=2,
    bot_size=5,
    worker_stake=300,
)
PUBLIC = PublicJob(params=DEAL.params, bot_first=2, bot_size=5, stake=300, final_deadline=2**41)
TASK = msgspec.structs.replace(
    JOB, task=task_id(JOB.deal, 3), index=3, app=APP, app_digest=CHECKSUM, bundle="/ipfs/b", public=PUBLIC
)


async def checked(monkeypatch: pytest.MonkeyPatch, job: Any, workerpool: Any = POOL) -> None:
    monkeypatch.setattr(finalizer, "Assets", lambda hub: SimpleNamespace(checksum=hub.checksum))
    hub: Any = SimpleNamespace(
        view_deal=lambda deal: asyncio.sleep(0, DEAL), checksum=lambda kind, app: asyncio.sleep(0, CHECKSUM)
    )
    await Finalizer(hub, hub).check_public_job(job, workerpool)


async def test_a_job_without_an_enclave_is_taken_as_the_chain_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    await checked(monkeypatch, TASK)


@pytest.mark.parametrize(
    ("check", "change", "public"),
    [
        ("public.1", {"index": 4}, {}),
        ("public.1", {"task": task_id(CHECKSUM, 3)}, {}),
        ("public.2", {"app": POOL}, {}),
        ("public.2", {"app_digest": task_id(CHECKSUM, 3)}, {}),
        ("public.2", {}, {"params": '{"iexec_args":"b"}'}),
        ("public.2", {}, {"bot_first": 0}),
        ("public.2", {}, {"bot_size": 6}),
        ("public.3", {}, {"stake": 1}),
    ],
)
async def test_a_pool_cannot_have_a_worker_stake_on_another_result_or_more_than_it_states(
    monkeypatch: pytest.MonkeyPatch, check: str, change: dict[str, Any], public: dict[str, Any]
) -> None:
    lied = msgspec.structs.replace(TASK, **change | {"public": msgspec.structs.replace(PUBLIC, **public)})
    with pytest.raises(HostFailed, match=rf"\({check}\)"):
        await checked(monkeypatch, lied)


async def test_public_1_a_deal_of_another_pool_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HostFailed, match=r"\(public.1\)"):
        await checked(monkeypatch, TASK, workerpool=APP)
