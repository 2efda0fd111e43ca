"""A pool opens and refunds many tasks in one transaction on real PoCo, whatever others do and the node loses."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.blocks import BlockTrail
from sealgrid.chain.views import TaskStatus
from sealgrid.poco.ids import task_id
from sealgrid.pool import chain_executor
from sealgrid.pool import events as e
from sealgrid.pool.app_memory import AppMemory
from sealgrid.pool.chain_executor import MAX_ARRAY, ChainExecutor
from sealgrid.pool.chain_reader import PoolChainReader
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.transaction_sender import TransactionSender
from sealgrid.pool.transactions import PoolTransaction
from sealgrid.units import Address, DealId, TaskId, to_digest
from tests.contracts.scene import Market
from tests.unit.pool.pool_scene import open_book

pytestmark = pytest.mark.chain


class Sender(TransactionSender):
    """The pool's sender; counts transactions, and does something before each."""

    def __init__(self, market: Market) -> None:
        super().__init__(market.node, development_key("pool"), market.hub.address)
        self.sent: list[PoolTransaction] = []
        self.lost = False  #: whether the next transactions do not reach the node

    async def before(self, transaction: PoolTransaction) -> None:
        """Do nothing."""

    async def send(self, transaction: PoolTransaction) -> None:
        await self.before(transaction)
        self.sent.append(transaction)
        if not self.lost:
            await super().send(transaction)


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class PoolScene:
    """A pool's tasks, its sender, and the chain."""

    market: Market
    book: TaskBook
    sender: Sender
    clock: Clock

    def executor(self, confirmations: int = 1) -> ChainExecutor:
        hub = self.market.hub
        return ChainExecutor(self.book, hub, self.sender, retry=5, confirmations=confirmations, clock=self.clock)

    async def deal(self, volume: int) -> tuple[DealId, list[TaskId]]:
        deal = await self.market.deal(category="Short", volume=volume, salt=to_digest(os.urandom(32)))
        matched = await PoolChainReader(self.market.hub, self.market.pool, AppMemory(None)).deal(deal, time.time())
        await self.book.apply_chain_events([matched], BlockTrail())
        return deal, [task_id(deal, index) for index in range(matched.first, matched.first + matched.size)]

    async def execute(self) -> int:
        return await self.executor().execute_pending()

    async def finish(self) -> None:
        """Execute until no transaction is left; the chain includes one a moment after it has it."""
        async with asyncio.timeout(20):
            while await self.execute():
                await asyncio.sleep(0.02)

    async def statuses(self, tasks: Sequence[TaskId]) -> set[TaskStatus]:
        return {(await self.market.hub.view_task(task)).status for task in tasks}

    async def initialized(self, tasks: Sequence[TaskId]) -> list[bool]:
        return [(await self.book.task(task)).initialized for task in tasks]

    async def pass_final_deadline(self) -> None:
        await advance(self.market.node, 10 * 30)
        head = await self.market.node.block()
        await self.book.expire(self.clock(), head.timestamp)


@pytest.fixture
async def scene(market: Market, tmp_path: Path) -> AsyncIterator[PoolScene]:
    with open_book(tmp_path) as book:
        yield PoolScene(market, book, Sender(market), Clock())


async def test_all_tasks_of_a_deal_are_opened_in_one_transaction_and_refunded_in_one(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=20)
    assert await scene.execute() == 1
    await scene.finish()
    assert await scene.initialized(tasks) == [True] * 20
    assert await scene.statuses(tasks) == {TaskStatus.ACTIVE}
    await scene.pass_final_deadline()
    await scene.finish()
    assert await scene.statuses(tasks) == {TaskStatus.FAILED}
    assert {(await scene.book.task(task)).stage for task in tasks} == {"refunded"}
    assert [each.kind for each in scene.sender.sent] == ["initialize", "claim"]


async def test_a_long_deal_takes_several_transactions_at_once(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=MAX_ARRAY + 10)
    assert await scene.execute() == 2
    first, second = scene.sender.sent
    assert (second.nonce, len(first.tasks), len(second.tasks)) == (first.nonce + 1, MAX_ARRAY, 10)
    await scene.finish()
    assert await scene.statuses(tasks) == {TaskStatus.ACTIVE}


async def test_tasks_that_were_never_opened_are_opened_and_refunded_in_one_transaction(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=5)
    await scene.pass_final_deadline()
    await scene.finish()
    assert await scene.statuses(tasks) == {TaskStatus.FAILED}
    assert [each.kind for each in scene.sender.sent] == ["initialize and claim"]


async def test_elements_that_others_have_done_are_left_out(scene: PoolScene) -> None:
    deal, tasks = await scene.deal(volume=6)
    await scene.market.hub.initialize(scene.market.wallet("stranger"), deal, 2)
    await scene.finish()
    assert await scene.initialized(tasks) == [True] * 6
    assert [len(each.tasks) for each in scene.sender.sent] == [5]
    await scene.pass_final_deadline()
    await scene.market.hub.claim(scene.market.wallet("stranger"), tasks[4])
    await scene.finish()
    assert {(await scene.book.task(task)).stage for task in tasks} == {"refunded"}
    assert await scene.statuses(tasks) == {TaskStatus.FAILED}


async def test_an_element_that_another_does_between_simulation_and_inclusion_costs_the_others_one_repetition(
    scene: PoolScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal, tasks = await scene.deal(volume=6)

    async def front_run(_: PoolTransaction) -> None:
        if not scene.sender.sent:
            await scene.market.hub.initialize(scene.market.wallet("stranger"), deal, 3)

    monkeypatch.setattr(scene.sender, "before", front_run)
    assert await scene.execute() == 1
    await scene.finish()
    assert [len(each.tasks) for each in scene.sender.sent] == [6, 5]
    assert await scene.initialized(tasks) == [True] * 6
    assert await scene.statuses(tasks) == {TaskStatus.ACTIVE}


async def test_a_claim_that_the_chain_refuses_waits_and_the_others_go_on(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=3)
    await scene.finish()
    early = (await scene.market.node.block()).timestamp + 10**6
    await scene.book.expire(scene.clock(), early)
    await scene.finish()
    assert [(await scene.book.task(task)).stage for task in tasks] == ["failed"] * 3
    assert len(scene.sender.sent) == 1, "nothing is sent that the simulation refuses"
    await scene.pass_final_deadline()
    assert await scene.execute() == 0, "the pause has not passed"
    scene.clock.ahead += 6
    await scene.finish()
    assert await scene.statuses(tasks) == {TaskStatus.FAILED}


async def test_a_transaction_that_was_stored_and_not_sent_is_sent_after_a_restart(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=4)
    scene.sender.lost = True
    assert await scene.execute() == 1
    scene.sender.lost = False
    assert await scene.execute() == 1, "it may be on its way"
    scene.clock.ahead += chain_executor.RESEND_SECONDS
    await scene.finish()
    assert await scene.statuses(tasks) == {TaskStatus.ACTIVE}
    assert len({each.nonce for each in scene.sender.sent}) == 1


async def test_a_transaction_whose_nonce_another_program_used_is_made_again(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=4)
    scene.sender.lost = True
    assert await scene.execute() == 1
    await scene.market.hub.deposit(scene.market.wallet("pool"), 1)
    scene.sender.lost = False
    assert await scene.execute() == 1
    await scene.finish()
    first, second = scene.sender.sent
    assert second.nonce == first.nonce + 1
    assert await scene.statuses(tasks) == {TaskStatus.ACTIVE}


async def test_a_transaction_that_pays_too_little_is_replaced_under_its_nonce(scene: PoolScene) -> None:
    node = scene.market.node
    _, tasks = await scene.deal(volume=4)
    await node.rpc("evm_setAutomine", False)
    try:
        assert await scene.execute() == 1
        await node.rpc("anvil_setNextBlockBaseFeePerGas", hex(scene.sender.sent[0].fees.highest + 1))
        await node.rpc("evm_mine")
        assert await scene.execute() == 1
        scene.clock.ahead += chain_executor.STUCK_SECONDS
        await scene.execute()
        await node.rpc("evm_mine")
    finally:
        await node.rpc("evm_setAutomine", True)
    await scene.finish()
    first, second = scene.sender.sent
    assert (second.nonce, second.tasks) == (first.nonce, first.tasks)
    assert second.fees.highest > first.fees.highest
    assert await scene.statuses(tasks) == {TaskStatus.ACTIVE}


async def test_fees_do_not_rise_while_the_chain_stands_still(scene: PoolScene) -> None:
    node = scene.market.node
    _, tasks = await scene.deal(volume=4)
    await node.rpc("evm_setAutomine", False)
    try:
        await scene.execute()
        for _ in range(40):
            scene.clock.ahead += chain_executor.STUCK_SECONDS
            await scene.execute()
        highest = max(each.fees.highest for each in scene.sender.sent)
        assert highest <= 2 * chain_executor.MAX_RAISE * scene.sender.sent[0].fees.highest
        await node.rpc("evm_mine")
    finally:
        await node.rpc("evm_setAutomine", True)
    await scene.finish()
    assert await scene.statuses(tasks) == {TaskStatus.ACTIVE}


async def test_effects_count_when_their_block_is_confirmed(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=2)
    executor = scene.executor(confirmations=3)
    await executor.execute_pending()
    await included(scene, scene.sender.sent[0])
    assert await executor.execute_pending() == 1
    assert await scene.initialized(tasks) == [False, False]
    await scene.market.node.rpc("anvil_mine", "0x2")
    assert await executor.execute_pending() == 0
    assert await scene.initialized(tasks) == [True, True]


async def test_a_revert_and_what_others_did_count_when_their_block_is_confirmed(
    scene: PoolScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal, tasks = await scene.deal(volume=2)
    executor = scene.executor(confirmations=3)

    async def front_run(_: PoolTransaction) -> None:
        if not scene.sender.sent:
            await scene.market.hub.initialize(scene.market.wallet("stranger"), deal, 1)

    monkeypatch.setattr(scene.sender, "before", front_run)
    await executor.execute_pending()
    await included(scene, scene.sender.sent[0])
    outcome = await scene.sender.outcome(scene.sender.sent[0])
    assert outcome is not None
    assert outcome.reverted
    assert await executor.execute_pending() == 1, "a reorganisation may still let it succeed"
    await scene.market.node.rpc("anvil_mine", "0x2")
    assert await executor.execute_pending() == 1, "the other task is opened alone"
    assert await scene.initialized(tasks) == [False, True]
    assert [each.tasks for each in scene.sender.sent[1:]] == [(tasks[0],)]


async def test_a_nonce_that_another_program_used_is_free_again_until_its_block_is_confirmed(scene: PoolScene) -> None:
    await scene.deal(volume=2)
    executor = scene.executor(confirmations=3)
    scene.sender.lost = True
    await executor.execute_pending()
    await scene.market.hub.deposit(scene.market.wallet("pool"), 1)
    await executor.execute_pending()
    assert len(scene.sender.sent) == 1
    await scene.market.node.rpc("anvil_mine", "0x2")
    await executor.execute_pending()
    assert [each.nonce for each in scene.sender.sent] == [scene.sender.sent[0].nonce, scene.sender.sent[0].nonce + 1]


async def test_a_transaction_in_an_unconfirmed_block_takes_no_place(
    scene: PoolScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_executor, "MAX_IN_FLIGHT", 1)
    executor = scene.executor(confirmations=9)
    for number in (1, 2):
        await scene.deal(volume=1)
        assert await executor.execute_pending() == number
        await included(scene, scene.sender.sent[-1])
    monkeypatch.setattr(chain_executor, "MAX_UNCONFIRMED", 2)
    await scene.deal(volume=1)
    assert await executor.execute_pending() == 2


async def test_no_kind_of_call_waits_until_there_are_none_of_another(
    scene: PoolScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_executor, "MAX_ARRAY", 1)
    await scene.deal(volume=3)
    await scene.finish()
    await scene.pass_final_deadline()
    await scene.deal(volume=3)
    scene.sender.sent.clear()
    monkeypatch.setattr(chain_executor, "MAX_IN_FLIGHT", 2)
    assert await scene.execute() == 2
    assert {each.kind for each in scene.sender.sent} == {"initialize", "claim"}


async def included(scene: PoolScene, transaction: PoolTransaction) -> None:
    async with asyncio.timeout(20):
        while await scene.sender.outcome(transaction) is None:
            await asyncio.sleep(0.02)


async def test_a_transaction_for_tasks_that_changed_meanwhile_is_not_stored(scene: PoolScene) -> None:
    _, tasks = await scene.deal(volume=2)
    estimate = scene.sender.estimate

    async def end_one(data: bytes, to: Address | None = None) -> int:
        await scene.book.apply(e.TaskFinalized(task=tasks[0], at=1))
        return await estimate(data, to)

    scene.sender.estimate = end_one  # type: ignore[method-assign]
    await scene.finish()
    assert scene.sender.sent == []
