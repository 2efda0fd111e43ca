"""A pool leads a task without an enclave through real PoCo: contribute, reveal, finalize, reopen, claim."""

import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.blocks import BlockTrail
from sealgrid.chain.events import parse_events
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.signing import personal_digest
from sealgrid.poco.ids import authorisation_message, result_hash, result_seal, task_id
from sealgrid.poco.orders import NO_DATASET_ORDER
from sealgrid.poco.tags import NO_TAG
from sealgrid.pool import events as e
from sealgrid.pool.app_memory import AppMemory
from sealgrid.pool.chain_executor import ChainExecutor
from sealgrid.pool.chain_reader import PoolChainReader
from sealgrid.pool.claims import WorkerRequest, claim
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import PoolTask
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.transaction_sender import TransactionSender
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest
from sealgrid.wire.storage import results_hint
from tests.contracts.scene import POOL_PRICE, Market
from tests.unit.pool.pool_scene import open_book

pytestmark = pytest.mark.chain
HONEST, LIAR = ("worker", "worker2", "worker3"), "stranger"
NO_TASK = TaskId(to_digest(bytes(32)))
STAKES, STAKE = 10_000, POOL_PRICE * 30 // 100
RIGHT, WRONG = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)
PARAMS = '{"sealgrid":{"inputs":[],"result_key":"0x' + "00" * 32 + '"}}'


@dataclass
class Pool:
    """A pool's tasks and chain calls, and its workers' wallets."""

    market: Market
    book: TaskBook
    reader: PoolChainReader
    executor: ChainExecutor
    task: TaskId = NO_TASK
    block: int = 0

    async def open(self, trust: int, **changes: object) -> None:
        """Match a deal without a TEE, and initialise its task."""
        market = self.market
        terms = {"tag": NO_TAG, "category": market.deployment.categories["Short"], "trust": trust}
        request = {"dataset": ZERO_ADDRESS, "volume": 1, "params": PARAMS, "salt": to_digest(os.urandom(32))}
        self.block = (await market.node.block()).number
        deal = await market.hub.match_orders(
            market.wallet("requester"),
            market.app_order(tag=NO_TAG),
            NO_DATASET_ORDER,
            market.pool_order(**terms),
            market.request(**(request | terms | changes)),
        )
        self.task = task_id(deal, 0)
        await self.work()

    async def work(self) -> None:
        """Read new blocks, and send what they require until nothing is left."""
        while True:
            head = (await self.market.node.block()).number
            for number in range(self.block + 1, head + 1):
                block = await self.market.node.block(number)
                found = parse_events(await self.market.node.logs_of_block(self.market.hub.address, block.hash))
                await self.book.apply_chain_events(await self.reader.read(found, time.time()), BlockTrail())
            self.block = head
            await self.book.expire(time.time(), (await self.market.node.block()).timestamp)
            if not await self.executor.execute_pending() and (await self.market.node.block()).number == head:
                return

    async def compute(self, name: str, result: Digest) -> None:
        """Give the task to a worker, which commits to a result."""
        worker = development_key(name).address
        now = int(time.time())
        requests = [WorkerRequest(worker)]
        claimed = await self.book.run(lambda rows: claim(rows, requests, now, now, self.book.rules))
        (assignment,) = claimed.assignments
        await self.book.apply(
            e.ResultCommitted(
                task=self.task,
                worker=worker,
                fence=assignment.task.fence,
                result_hash=result_hash(self.task, result),
                result_seal=result_seal(worker, self.task, result),
                score=await self.market.hub.view_score(worker),
                at=now,
            )
        )

    async def contribute(self, results: dict[str, Digest]) -> list[str]:
        """Let workers contribute in the pool's order; return it."""
        names, order = {development_key(name).address: name for name in results}, list[str]()
        while (worker := (await self.state()).replication.next_worker) is not None:
            name = names[worker]
            await self.market.hub.contribute(
                self.market.wallet(name), self.task, results[name], self.authorisation(worker)
            )
            order.append(name)
            await self.work()
        return order

    def authorisation(self, worker: Address) -> bytes:
        message = personal_digest(authorisation_message(worker, self.task, ZERO_ADDRESS))
        return development_key("pool").sign(message)

    async def reveal(self, name: str, result: Digest) -> None:
        await self.market.hub.reveal(self.market.wallet(name), self.task, result)
        await self.work()

    async def state(self) -> PoolTask:
        return await self.book.task(self.task)

    async def gains(self) -> list[int]:
        """Return what each worker has more than its deposit, the liar last."""
        accounts = [await self.market.hub.account(development_key(name).address) for name in (*HONEST, LIAR)]
        return [account.stake + account.locked - STAKES for account in accounts]


@pytest.fixture
async def pool(market: Market, tmp_path: Path) -> AsyncIterator[Pool]:
    for name in (*HONEST, LIAR):
        await market.hub.deposit_for(market.wallet("admin"), STAKES, development_key(name).address)
    with open_book(tmp_path, PoolRules(replicas=2)) as book:
        sender = TransactionSender(market.node, development_key("pool"), market.hub.address)
        executor = ChainExecutor(book, market.hub, sender, retry=5)
        yield Pool(market, book, PoolChainReader(market.hub, market.pool, AppMemory(None)), executor)


async def test_a_lying_minority_is_seized_at_finalize_and_the_honest_share_it(pool: Pool) -> None:
    pool.book.rules = PoolRules(replicas=3)  # two are a consensus at trust 3, but not beside a liar
    await pool.open(trust=3)
    await pool.compute(LIAR, WRONG)
    for name in HONEST:
        await pool.compute(name, RIGHT)
    assert await pool.contribute(dict.fromkeys(HONEST, RIGHT) | {LIAR: WRONG}) == [LIAR, *HONEST]
    for name in HONEST:
        await pool.reveal(name, RIGHT)
    view = await pool.market.hub.view_task(pool.task)
    assert (view.status, view.result_digest, view.results) == (TaskStatus.COMPLETED, RIGHT, results_hint(RIGHT))
    assert (await pool.state()).stage == "completed"
    # The price of 1000 and the liar's stake, less 1 % for the pool, among three of equal weight.
    assert await pool.gains() == [429, 429, 429, -STAKE]


async def test_at_claim_everybody_gets_everything_back(pool: Pool) -> None:
    await pool.open(trust=3)
    for name in HONEST[:2]:
        await pool.compute(name, RIGHT)
    await pool.contribute(dict.fromkeys(HONEST[:2], RIGHT))
    assert (await pool.state()).stage == "revealing"
    await advance(pool.market.node, 2 * 30)
    await pool.work()
    assert (await pool.market.hub.view_task(pool.task)).status is TaskStatus.ACTIVE, "nobody revealed: reopened"
    assert (await pool.state()).stage == "waiting"
    requester = development_key("requester").address
    locked = (await pool.market.hub.account(requester)).locked
    await advance(pool.market.node, 10 * 30)
    await pool.work()
    assert (await pool.state()).stage == "refunded"
    assert await pool.gains() == [0, 0, 0, 0]
    assert locked > (await pool.market.hub.account(requester)).locked == 0


async def test_the_pool_opens_no_second_way_after_a_consensus_that_was_not_agreed(pool: Pool) -> None:
    """A worker commits to one result and contributes another: at trust 2 it decides alone, and is not paid."""
    await pool.open(trust=2)
    for name in HONEST[:2]:
        await pool.compute(name, RIGHT)
    await pool.contribute({HONEST[0]: WRONG, HONEST[1]: RIGHT})
    await pool.reveal(HONEST[0], WRONG)
    await advance(pool.market.node, 10 * 30)
    await pool.work()
    assert (await pool.state()).stage == "refunded"
    assert await pool.gains() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"callback": development_key("stranger").address}, "its callback contract would accept"),
        ({"params": "{}", "callback": ZERO_ADDRESS}, ""),
        ({"params": '{"iexec_secrets":{"1":"name"}}'}, "names a secret"),
        ({"params": '{"iexec_input_files":["https://a.test/f"]}'}, "names input by URL"),
        ({"params": "no json"}, "its params cannot be read"),
        ({"trust": 1}, "the result of one worker without a comparison"),
    ],
)
async def test_a_deal_without_a_tee_that_names_something_private_is_refused(
    pool: Pool, changes: dict[str, object], reason: str
) -> None:
    await pool.open(**({"trust": 2} | changes))
    task = await pool.state()
    assert task.stage == ("failed" if reason else "waiting")
    assert reason in task.history[0].detail
