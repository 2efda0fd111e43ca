"""Asks the chain which counted uses of a dataset nobody paid for, before a count refuses somebody."""

from typing import Final

from sealgrid.chain.views import payment_outcome
from sealgrid.units import TaskId
from sealgrid.vault.chain.snapshot import DealSnapshot
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.use_ledger import HOUR

BATCH: Final = 32  #: tasks that are read from the chain at once
MOST_BATCHES: Final = 8  #: for one release; what is left is read for the next


def counted_uses(vault: Vault, snapshot: DealSnapshot, *, but: TaskId, at: int) -> DatasetUses:
    """Return how often the deal's dataset was used on other tasks than ``but``; zero without a dataset."""
    dataset, ledger = snapshot.dataset, vault.journal.use_ledger
    if dataset is None:
        return DatasetUses()
    return DatasetUses(
        hour=ledger.in_hour(dataset.address, snapshot.deal.requester, but=but, at=at),
        total=ledger.in_total(dataset.address, dataset.owner, but=but),
    )


async def give_back_unpaid(vault: Vault, snapshot: DealSnapshot, *, but: TaskId, tasks: int = 1) -> None:
    """Give back uses that the snapshot's block shows to be unpaid for good, until the policy has room for the tasks.

    ``but`` is the task that counts no use, empty for none. Reads nothing while no limit is reached. A task is decided
    once, so all rounds together read each task once or twice.
    """
    dataset, ledger = snapshot.dataset, vault.journal.use_ledger
    if dataset is None:
        return
    for _ in range(MOST_BATCHES):
        if not _at_limit(vault, snapshot, but=but, tasks=tasks):
            return
        unsure = ledger.to_check(dataset.address, dataset.owner, snapshot.deal.requester, by=snapshot.time, most=BATCH)
        if not unsure:
            return
        for task, view in zip(unsure, await vault.chain.tasks(unsure, at=snapshot.block_hash), strict=True):
            later = view.final_deadline if view.final_deadline > snapshot.time else snapshot.time + HOUR
            ledger.decide(task, payment_outcome(view, snapshot.time), later=later)


def _at_limit(vault: Vault, snapshot: DealSnapshot, *, but: TaskId, tasks: int) -> bool:
    dataset = snapshot.dataset
    signed = None if dataset is None else vault.custody.policy(dataset.address, dataset.owner)
    if signed is None:
        return False
    counted, policy = counted_uses(vault, snapshot, but=but, at=vault.clock()), signed.policy
    return counted.hour + tasks > policy.uses_per_requester_hour or counted.total + tasks > policy.uses_total
