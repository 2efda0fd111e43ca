"""poco.consensus against the real contracts: consensus, reopening, rewards, seizures and scores, to the unit."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance, revert, snapshot
from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import personal_digest
from sealgrid.errors import ContractReverted, InputRefused
from sealgrid.poco.consensus import (
    ConsensusTally,
    ContributionState,
    RewardTerms,
)
from sealgrid.poco.constants import FINAL_DEADLINE_RATIO, KITTY_ADDRESS, pool_stake
from sealgrid.poco.ids import authorisation_message, result_hash
from sealgrid.poco.orders import NO_DATASET_ORDER
from sealgrid.poco.tags import NO_TAG
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest
from tests.contracts.scene import APP_PRICE, Market

pytestmark = pytest.mark.chain
WORKERS = ("worker", "worker2", "worker3", "stranger", "publisher", "beneficiary")
ADDRESSES = tuple(development_key(name).address for name in WORKERS)
HOLDERS = (*ADDRESSES, *(development_key(name).address for name in ("pool", "requester", "developer")), KITTY_ADDRESS)
STAKES = 10**7
EXAMPLES = 8
RESULTS = tuple(to_digest(bytes([number]) * 32) for number in (1, 2, 3))
#: Storage of PoCo: PocoStorageLib's ERC-7201 location, and the place of m_workerScores in its struct.
SCORES = 0x5862653C6982C162832160CF30593645E8487B257E44D77CDD6B51EEE2651B00 + 18
TIMEREF = 30
SCORE = st.sampled_from((0, 11, 12, 20, 27, 51, 100))


@asynccontextmanager
async def staked(market: Market) -> AsyncIterator[Market]:
    """Give the workers a stake; revert everything at the end."""
    before = await snapshot(market.node)
    for address in ADDRESSES:
        await market.hub.deposit_for(market.wallet("admin"), STAKES, address)
    yield market
    await revert(market.node, before)


async def set_score(market: Market, worker: Address, score: int) -> None:
    slot = keccak256(bytes.fromhex(worker[2:]).rjust(32, b"\0"), SCORES.to_bytes(32, "big"))
    word = "0x" + score.to_bytes(32, "big").hex()
    await market.node.rpc("anvil_setStorageAt", market.hub.address, "0x" + slot.hex(), word)
    assert (await market.hub.view_score(worker)) == score


async def open_task(market: Market, *, trust: int, price: int = 1000) -> TaskId:
    """A deal without a TEE, and its task, initialised."""
    tag = {"tag": NO_TAG, "category": market.deployment.categories["Short"]}
    deal = await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(tag=NO_TAG),
        NO_DATASET_ORDER,
        market.pool_order(workerpoolprice=price, trust=trust, **tag),
        market.request(dataset=ZERO_ADDRESS, workerpoolmaxprice=price, trust=trust, volume=1, **tag),
    )
    return await market.hub.initialize(market.wallet("pool"), deal, 0)


def authorisation(task: TaskId, worker: Address) -> bytes:
    return development_key("pool").sign(personal_digest(authorisation_message(worker, task, ZERO_ADDRESS)))


@dataclass(frozen=True)
class Opening:
    """The terms of a task, and the scores of its workers before it."""

    trust: int
    price: int
    stake_ratio: int
    reward_ratio: int
    scores: tuple[int, ...]
    kitty: bool


OPENINGS = st.builds(
    Opening,
    trust=st.sampled_from((3, 5, 2, 4, 1, 7, 9, 17)),
    price=st.integers(0, 10_000),
    stake_ratio=st.integers(0, 150),
    reward_ratio=st.integers(0, 100),
    scores=st.tuples(*(SCORE for _ in WORKERS)),
    kitty=st.booleans(),
)
REVEALS = st.sampled_from((True, True, True, False))
RESULT = st.sampled_from((*[RESULTS[0]] * 6, *RESULTS[1:]))
DISTURBANCE = st.one_of(
    st.tuples(st.just("reveal"), st.sampled_from(WORKERS)),
    st.tuples(st.just("contribute"), st.sampled_from(WORKERS), RESULT),
    st.sampled_from((("reopen_after_the_reveal_deadline",), ("finalize",), ("claim_too_early",))),
)


@st.composite
def step_lists(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Every worker contributes once, in any order, and some other things happen in between."""
    steps: list[tuple[Any, ...]] = [("contribute", name, draw(RESULT)) for name in draw(st.permutations(WORKERS))]
    for disturbance in draw(st.lists(DISTURBANCE, max_size=4)):
        steps.insert(draw(st.integers(0, len(steps))), disturbance)
    return steps


#: Workers of three weights, a liar, one that reveals nothing, and a group that is rejected.
SEIZED = (
    Opening(trust=5, price=9_973, stake_ratio=37, reward_ratio=3, scores=(0, 20, 51, 0, 100, 12), kitty=True),
    [
        ("contribute", "worker", RESULTS[1]),
        ("contribute", "worker2", RESULTS[0]),
        ("contribute", "worker3", RESULTS[0]),
        ("reopen_after_the_reveal_deadline",),
        ("contribute", "stranger", RESULTS[2]),
        ("contribute", "publisher", RESULTS[2]),
    ],
    (True, True, True, True, False, True),
)


class ReplicatedTask:
    """One task without an enclave, on the hub and in a tally."""

    def __init__(self, market: Market, opening: Opening) -> None:
        self.market, self.hub = market, market.hub
        self.terms = RewardTerms(
            pool_price=opening.price,
            worker_stake=opening.price * opening.stake_ratio // 100,
            scheduler_reward_ratio=opening.reward_ratio,
        )
        self.tally = ConsensusTally(opening.trust)
        self.digests: dict[str, Digest] = {}
        self.late = False
        self.reopened = 0
        self.end = ""

    async def open(self, opening: Opening) -> None:
        market = self.market
        if opening.kitty:  # a refunded task leaves the pool's stake in the kitty
            await self.claim(await open_task(market, trust=1, price=9_999))
        pool = market.wallet("pool")
        await pool.call(market.pool, "Workerpool", "changePolicy", opening.stake_ratio, opening.reward_ratio)
        for worker, score in zip(ADDRESSES, opening.scores, strict=True):
            await set_score(market, worker, score)
        self.before = await self.accounts()
        self.task = await open_task(market, trust=opening.trust, price=opening.price)

    def hash_of(self, digest: Digest) -> Digest:
        return result_hash(self.task, digest)

    async def accounts(self) -> dict[Address, int]:
        views = {holder: await self.hub.account(holder) for holder in HOLDERS}
        return {holder: view.stake + view.locked for holder, view in views.items()}

    async def tries(self, model: Callable[[], ConsensusTally], work: Coroutine[Any, Any, object]) -> None:
        """Send it: it goes through exactly when the model takes it."""
        try:
            after = model()
        except InputRefused:
            with pytest.raises(ContractReverted):
                await work
        else:
            await work
            self.tally = after
        await self.check()

    async def contribute(self, name: str, digest: Digest) -> None:
        wallet = self.market.wallet(name)
        score = await self.hub.view_score(wallet.address)
        await self.tries(
            lambda: self.tally.contribute(wallet.address, self.hash_of(digest), score),
            self.hub.contribute(wallet, self.task, digest, authorisation(self.task, wallet.address)),
        )
        if self.tally.contributions and self.tally.contributions[-1].worker == wallet.address:
            self.digests.setdefault(name, digest)

    async def reveal(self, name: str) -> None:
        if self.late:
            return
        wallet = self.market.wallet(name)
        await self.tries(
            lambda: self.tally.reveal(wallet.address),
            self.hub.reveal(wallet, self.task, self.digests.get(name, RESULTS[0])),
        )

    async def reopen_after_the_reveal_deadline(self) -> None:
        if self.reopened == 2:  # a third would pass the contribution deadline
            return
        await self.pass_the_reveal_deadline()
        await self.tries(self.tally.reopen, self.hub.reopen(self.market.wallet("pool"), self.task))
        if not self.tally.consensus:
            self.late, self.reopened = False, self.reopened + 1

    async def finalize(self) -> None:
        if self.tally.winners:  # they have until then to reveal
            await self.pass_the_reveal_deadline()
        scores = [await self.hub.view_score(each.worker) for each in self.tally.contributions]
        send = self.hub.finalize(self.market.wallet("pool"), self.task, b"")
        kitty = self.before[KITTY_ADDRESS]
        try:
            finalized = self.tally.finalize(self.terms, scores)
        except InputRefused:
            with pytest.raises(ContractReverted):
                await send
            return
        await send
        expected = Counter(self.before)
        returned = min(max(kitty // 10, 10**9), kitty)  # a tenth, and 1 RLC at least if there is as much
        expected[KITTY_ADDRESS] -= returned
        expected[development_key("pool").address] += finalized.pool_reward + returned
        expected[development_key("requester").address] -= APP_PRICE + self.terms.pool_price
        expected[development_key("developer").address] += APP_PRICE
        for outcome in finalized.workers:
            expected[outcome.worker] += outcome.reward - outcome.seized
            assert (await self.hub.view_score(outcome.worker)) == outcome.score
        assert await self.accounts() == expected
        self.end = "seized" if any(each.seized for each in finalized.workers) else "paid"

    async def claim_too_early(self) -> None:
        with pytest.raises(ContractReverted):
            await self.hub.claim(self.market.wallet("stranger"), self.task)

    async def refund(self) -> None:
        """At a claim every worker gets everything back, whatever it contributed."""
        scores = [await self.hub.view_score(worker) for worker in ADDRESSES]
        await self.claim(self.task)
        expected, stake = Counter(self.before), pool_stake(self.terms.pool_price)
        expected[development_key("pool").address] -= stake
        expected[KITTY_ADDRESS] += stake
        assert await self.accounts() == expected
        assert not any([(await self.hub.account(worker)).locked for worker in ADDRESSES])
        assert [await self.hub.view_score(worker) for worker in ADDRESSES] == scores
        self.end = "refunded"

    async def claim(self, task: TaskId) -> None:
        await advance(self.market.node, FINAL_DEADLINE_RATIO * TIMEREF)
        await self.hub.claim(self.market.wallet("stranger"), task)

    async def pass_the_reveal_deadline(self) -> None:
        if not self.late:
            await advance(self.market.node, 2 * TIMEREF)
            self.late = True

    async def check(self) -> None:
        """The hub's task says what the tally says."""
        view = await self.hub.view_task(self.task)
        assert view.status is (TaskStatus.REVEALING if self.tally.consensus else TaskStatus.ACTIVE)
        assert view.contributors == tuple(each.worker for each in self.tally.contributions)
        assert view.reveal_counter == self.tally.revealed
        assert view.winner_counter == self.tally.revealed + len(self.tally.winners)
        for each in self.tally.contributions:
            contribution = await self.hub.view_contribution(self.task, each.worker)
            assert contribution.status is ContributionStatus[ContributionState(each.state).name]


async def play(market: Market, opening: Opening, steps: list[tuple[Any, ...]], reveals: tuple[bool, ...]) -> str:
    """Open a task, take the steps, and finalize it where it has a consensus; else refund it. Return how it ended."""
    task = ReplicatedTask(market, opening)
    await task.open(opening)
    for name, *arguments in steps:
        if not task.end:
            await getattr(task, name)(*arguments)
    if not task.end and task.tally.consensus:
        for name, chosen in zip(WORKERS, reveals, strict=True):
            if chosen:
                await task.reveal(name)
        await task.finalize()
    if not task.end:
        await task.refund()
    return task.end


async def test_every_way_of_a_replicated_task_is_the_contracts_own(opened: Market) -> None:
    ends: Counter[str] = Counter()
    loop = asyncio.get_running_loop()

    async def run(market: Market, *example: Any) -> None:
        before = await snapshot(market.node)
        ends[await play(market, *example)] += 1
        await revert(market.node, before)

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
    @example(example=SEIZED)
    @given(example=st.tuples(OPENINGS, step_lists(), st.tuples(*(REVEALS for _ in WORKERS))))
    def agree(example: tuple[Any, ...]) -> None:  # in a thread: Hypothesis calls plain functions
        asyncio.run_coroutine_threadsafe(run(opened, *example), loop).result()

    async with staked(opened):
        await asyncio.to_thread(agree)
    assert {"seized", "paid", "refunded"} <= ends.keys(), ends  # else it proved little


async def test_a_lying_minority_is_seized_at_finalize_and_the_honest_share_it(opened: Market) -> None:
    async with staked(opened) as market:
        task = await open_task(market, trust=3)
        liar, *honest = WORKERS[3::-1]
        for name, digest in ((liar, RESULTS[1]), *((each, RESULTS[0]) for each in honest)):
            wallet = market.wallet(name)
            await market.hub.contribute(wallet, task, digest, authorisation(task, wallet.address))
        for name in honest:
            await market.hub.reveal(market.wallet(name), task, RESULTS[0])
        await market.hub.finalize(market.wallet("pool"), task, b"")
        gains = [(await market.hub.account(worker)).stake - STAKES for worker in ADDRESSES[:4]]
        # The liar's 300 and the price of 1000, less 1 % for the pool, among three of equal weight.
        assert gains == [429, 429, 429, -300]
