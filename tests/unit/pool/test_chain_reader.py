import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.chain.events import SchedulerNotice, TaskConsensus, TaskFinalize
from sealgrid.chain.follower import BlocksApplied, BlocksRolledBack
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ChainError, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.chain_reader import ChainClock, PoolChainReader
from sealgrid.pool.config import PoolConfig
from sealgrid.pool.runner import ChainPoller, warn_of_reorganisations
from sealgrid.pool.task_book import TaskBook
from sealgrid.units import DealId, Digest, TaskId, to_digest
from tests.unit.pool.pool_scene import BLOCK, POOL, open_book

BAD, GOOD = DealId(to_digest(b"\x0b" * 32)), DealId(to_digest(b"\x0d" * 32))


class FailingReader(PoolChainReader):
    """The chain's reader, where reading the first deal fails."""

    def __init__(self, errors: list[Exception]) -> None:
        self.workerpool, self.errors = POOL, errors

    async def deal(self, deal: DealId, now: float) -> e.DealMatched:
        if deal == BAD and self.errors:
            raise self.errors.pop()
        return e.DealMatched(
            at=now,
            deal=deal,
            first=0,
            size=1,
            app=POOL,
            app_digest=GOOD,
            bundle="/ipfs/b",
            contribution_deadline=2**40,
            final_deadline=2**41,
        )


class OneBlock:
    """A follower of a chain whose only block has both deals."""

    def __init__(self) -> None:
        self.trail = BlockTrail()

    async def step(self) -> BlocksApplied | None:
        if self.trail.blocks:
            return None
        self.trail = BlockTrail((BLOCK,))
        return BlocksApplied(BLOCK, (notice(BAD), notice(GOOD)))


def notice(deal: DealId) -> SchedulerNotice:
    return SchedulerNotice(
        workerpool=POOL, deal=deal, block_number=7, block_hash=BLOCK.hash, transaction=GOOD, log_index=0
    )


def poller(book: TaskBook, error: Exception) -> ChainPoller:
    follower: Any = OneBlock()
    return ChainPoller(book, ChainClock(), FailingReader([error]), follower)


async def test_a_deal_that_cannot_be_read_is_refused_and_the_next_one_is_served(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        await poller(book, UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")).poll(now=100.0)
    with open_book(tmp_path) as book:
        bad = await book.run(lambda rows: rows.deals([BAD]))
        assert bad[BAD].refusal == "the deal cannot be read (UnicodeDecodeError)"
        assert (await book.task(task_id(GOOD, 0))).deal == GOOD
        with pytest.raises(NotFound):
            await book.task(task_id(BAD, 0))


async def test_a_deal_that_the_chain_would_not_show_for_a_moment_is_read_then(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        chain_poller = poller(book, ChainError("no answer"))
        with pytest.raises(ChainError):
            await chain_poller.poll(now=100.0)
        assert await book.run(lambda rows: rows.deals([BAD, GOOD])) == {}
        await chain_poller.poll(now=101.0)
        assert [(await book.task(task_id(deal, 0))).deal for deal in (BAD, GOOD)] == [BAD, GOOD]


async def test_a_consensus_that_was_finalized_in_the_same_blocks_asks_nothing_of_the_chain(tmp_path: Path) -> None:
    place = {"block_number": 7, "block_hash": BLOCK.hash, "transaction": GOOD, "log_index": 0, "task": task_id(GOOD, 0)}
    events = (TaskConsensus(consensus=BAD, **place), TaskFinalize(results=b"", **place))
    (found,) = await FailingReader([]).read(events, now=1.0)  # it has no hub
    assert isinstance(found, e.TaskFinalized)


async def test_a_consensus_is_read_from_a_node_that_has_forgotten_its_block(tmp_path: Path) -> None:
    class PrunedHub:
        """A hub on a node that has the state of the head alone."""

        async def view_task(self, task: TaskId, *, at: Digest | None = None) -> SimpleNamespace:
            if at is not None:
                raise ChainError("block height is 227 but requested was 7.")
            return SimpleNamespace(status=statuses[task], reveal_deadline=600)

    place = {"block_number": 7, "block_hash": BLOCK.hash, "transaction": GOOD, "log_index": 0, "consensus": BAD}
    waits, over = task_id(GOOD, 0), task_id(GOOD, 1)
    statuses = {waits: TaskStatus.REVEALING, over: TaskStatus.COMPLETED}
    reader = FailingReader([])
    reader.hub = PrunedHub()  # type: ignore[assignment]
    found = await reader.read([TaskConsensus(task=task, **place) for task in (waits, over)], now=1.0)
    assert found == [e.ConsensusReached(task=waits, result_hash=BAD, reveal_deadline=600, at=1.0)]


async def test_blocks_that_the_chain_removed_after_the_pool_applied_them_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class RemovedBlock(OneBlock):
        """A follower whose block the chain replaces by nothing."""

        def __init__(self) -> None:
            after = Block(number=BLOCK.number + 2, hash=GOOD, parent=BLOCK.hash, timestamp=BLOCK.timestamp + 1)
            self.trail = BlockTrail((BLOCK, after))

        async def step(self) -> BlocksRolledBack | None:
            if self.trail.tip == BLOCK:
                return None
            self.trail = BlockTrail((BLOCK,))
            return BlocksRolledBack(BLOCK)

    follower: Any = RemovedBlock()
    with open_book(tmp_path) as book, caplog.at_level(logging.WARNING, "sealgrid.pool"):
        await ChainPoller(book, ChainClock(), FailingReader([]), follower).poll(now=1.0)
        assert await book.read_trail() == BlockTrail((BLOCK,))
    assert f"removed blocks {BLOCK.number + 1} to {BLOCK.number + 2}" in caplog.text
    assert "Set confirmations above 2" in caplog.text


@pytest.mark.parametrize(
    ("chain", "confirmations", "depth", "warns"),
    [(1, 1, 1, True), (1, 7, 7, True), (1, 8, 8, False), (1, 0, 8, False), (31337, 0, 1, False), (42161, 1, 1, True)],
)
def test_a_pool_warns_at_its_start_if_it_believes_blocks_that_the_chain_may_remove(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, chain: int, confirmations: int, depth: int, *, warns: bool
) -> None:
    identity = NetworkIdentity(
        rpc_urls=("http://127.0.0.1:8545",),
        chain=chain,
        genesis=GOOD,
        hub=POOL,
        broker=POOL,
    )
    config = PoolConfig(
        folder=tmp_path, network=identity, workerpool=POOL, key_file=tmp_path, confirmations=confirmations
    )
    with caplog.at_level(logging.WARNING, "sealgrid.pool"):
        warn_of_reorganisations(config)
    assert config.depth == depth
    assert bool(config.final) == (confirmations == 0 and chain != 31337)
    assert any(record.levelno >= logging.WARNING for record in caplog.records) == warns


def test_the_chains_clock_goes_on_without_blocks_and_follows_a_jump() -> None:
    clock = ChainClock()
    clock.observe(1, 1000, now=1000.0)
    assert clock.now(1060.0) == 1060
    clock.observe(2, 5000, now=1060.0)
    assert clock.now(1070.0) == 5010
    clock.observe(2, 5000, now=1070.0)
    assert clock.now(1080.0) == 5020


def test_an_old_block_does_not_set_the_clock_back() -> None:
    clock = ChainClock()
    clock.observe(1, 1000, now=9000.0)
    assert clock.now(9001.0) == 9001
