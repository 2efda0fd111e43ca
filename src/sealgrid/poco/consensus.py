"""PoCo's consensus among contributions without an enclave: weights, trust, rewards and scores (IexecPoco2Facet). Pure.

Numbers are the contract's: whole numbers, rounded down where it rounds down.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from math import prod
from typing import Final

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.units import Address, Digest, Nrlc

FRESH_WEIGHT: Final = 2  #: of a worker with a score below 12


class ContributionState(IntEnum):
    """State of one contribution; the numbers are PoCo's."""

    CONTRIBUTED = 1
    PROVED = 2  #: revealed
    REJECTED = 3  #: of a group that did not reveal before the task was reopened


class WeightedContribution(msgspec.Struct, frozen=True):
    """One worker's contribution, with the weight of its score at that moment."""

    worker: Address
    result_hash: Digest
    weight: int
    state: ContributionState = ContributionState.CONTRIBUTED


class RewardTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A deal's terms for the workers of each of its tasks, in nRLC and per cent."""

    pool_price: int
    worker_stake: int  #: that each contribution locks
    scheduler_reward_ratio: int


class WorkerOutcome(msgspec.Struct, frozen=True):
    """What a finalized task is to one worker."""

    worker: Address
    reward: Nrlc  #: is paid
    seized: Nrlc  #: of the locked stake; the rest of the stake is unlocked
    score: int  #: afterwards


class FinalizedTask(msgspec.Struct, frozen=True):
    """What a finalized task is to its workers, and to the owner of the pool."""

    workers: tuple[WorkerOutcome, ...]  #: in the order of their contributions
    pool_reward: Nrlc  #: without the return from the kitty


class ConsensusTally(msgspec.Struct, frozen=True):
    """All contributions to one task, and whether they are a consensus; every step returns a new tally.

    Raises InputRefused for a step that PoCo reverts. Signatures and deadlines are not part of it.
    """

    trust: int  #: of the deal, at least 1
    contributions: tuple[WeightedContribution, ...] = ()
    consensus: Digest | None = None

    def contribute(self, worker: Address, result_hash: Digest, score: int) -> "ConsensusTally":
        """Add a contribution of a worker with this score; consensus fires within it (``contribute``)."""
        if self.consensus is not None:
            raise InputRefused("the task has a consensus; PoCo takes no further contribution.")
        if any(each.worker == worker for each in self.contributions):
            raise InputRefused(f"{worker} has contributed to this task; PoCo takes one contribution of each worker.")
        added = WeightedContribution(worker, result_hash, weight_of(score))
        tally = msgspec.structs.replace(self, contributions=(*self.contributions, added))
        return msgspec.structs.replace(tally, consensus=result_hash) if tally.fires(result_hash) else tally

    def reveal(self, worker: Address) -> "ConsensusTally":
        """Mark a winner's contribution as proved (``reveal``)."""
        if worker not in {each.worker for each in self.winners}:
            raise InputRefused(f"{worker} has no contribution of the consensus that waits for its reveal.")
        return self._with_state(ContributionState.PROVED, {worker})

    def reopen(self) -> "ConsensusTally":
        """Reject the winners, of whom nobody revealed, and take further contributions (``reopen``)."""
        if self.consensus is None or self.revealed:
            raise InputRefused("PoCo reopens a task that has a consensus and no reveal.")
        group = {each.worker for each in self.contributions if each.result_hash == self.consensus}
        return msgspec.structs.replace(self._with_state(ContributionState.REJECTED, group), consensus=None)

    def finalize(self, terms: RewardTerms, scores: Sequence[int]) -> FinalizedTask:
        """Return rewards, seizures and scores (``finalize``); ``scores`` are those before it, as ``contributions``.

        Who did not reveal, was rejected or contributed another result loses the stake. Others share the pool's price
        and these stakes by the logarithms of their weights; the pool's owner gets its share and what rounding leaves.
        """
        proved = [each for each in self.contributions if each.state is ContributionState.PROVED]
        if self.consensus is None or not proved:
            raise InputRefused("PoCo finalizes a task that has a consensus and at least one reveal.")
        whole = terms.pool_price + terms.worker_stake * (len(self.contributions) - len(proved))
        for_workers = whole * (100 - terms.scheduler_reward_ratio) // 100
        shares = sum(log_weight(each.weight) for each in proved)
        outcomes: list[WorkerOutcome] = []
        for each, score in zip(self.contributions, scores, strict=True):
            if each.state is ContributionState.PROVED:
                reward = for_workers * log_weight(each.weight) // shares
                after = score + 1 if len(self.contributions) > 1 else score
                outcomes.append(WorkerOutcome(each.worker, Nrlc(reward), Nrlc(0), after))
            else:
                outcomes.append(WorkerOutcome(each.worker, Nrlc(0), Nrlc(terms.worker_stake), score * 2 // 3))
        return FinalizedTask(tuple(outcomes), Nrlc(whole - sum(each.reward for each in outcomes)))

    @property
    def winners(self) -> tuple[WeightedContribution, ...]:
        """Return the contributions of the consensus that wait for a reveal."""
        waits = ContributionState.CONTRIBUTED
        return tuple(each for each in self.contributions if each.state is waits and each.result_hash == self.consensus)

    @property
    def revealed(self) -> int:
        """Return how many winners have revealed."""
        return sum(each.state is ContributionState.PROVED for each in self.contributions)

    def group(self, result_hash: Digest) -> int:
        """Return the weight of all contributions of one result: their product, or 0 without any."""
        weights = [each.weight for each in self._counted() if each.result_hash == result_hash]
        return prod(weights) if weights else 0

    @property
    def total(self) -> int:
        """Return 1 plus the weight of every result."""
        return 1 + sum(self.group(result) for result in {each.result_hash for each in self._counted()})

    def fires(self, result_hash: Digest) -> bool:
        """Return whether the weight of a result is enough for a consensus."""
        return self.group(result_hash) * self.trust > self.total * (self.trust - 1)

    def _counted(self) -> Iterable[WeightedContribution]:
        return (each for each in self.contributions if each.state is not ContributionState.REJECTED)

    def _with_state(self, state: ContributionState, workers: set[Address]) -> "ConsensusTally":
        changed = (
            msgspec.structs.replace(each, state=state) if each.worker in workers else each
            for each in self.contributions
        )
        return msgspec.structs.replace(self, contributions=tuple(changed))


def weight_of(score: int) -> int:
    """Return the weight of a worker with this score, at least 2."""
    return max(score // 3, 3) - 1


def log_weight(weight: int) -> int:
    """Return the binary logarithm of a weight, rounded down: a worker's part of the reward."""
    return weight.bit_length() - 1


def contribution_order(
    tally: ConsensusTally,
    agreeing: Sequence[tuple[Address, Digest, int]],
    others: Sequence[tuple[Address, Digest, int]],
) -> tuple[Address, ...]:
    """Return who contributes next, in an order that makes ``agreeing`` the consensus.

    Each is worker, result hash and score. ``others`` go first, where PoCo still finds consensus for ``agreeing``: they
    lose their stakes to those who agree. Where it would not, they do not contribute. Raises InputRefused if
    ``agreeing`` alone is not a consensus.
    """
    for first in (others, ()):
        after = tally
        order: list[Address] = []
        for worker, result, score in (*first, *agreeing):
            if after.consensus is not None:
                break
            after = after.contribute(worker, result, score)
            order.append(worker)
        if agreeing and after.consensus == agreeing[0][1]:
            return tuple(order)
    raise InputRefused(f"{len(agreeing)} equal results are no consensus at trust {tally.trust}.")
