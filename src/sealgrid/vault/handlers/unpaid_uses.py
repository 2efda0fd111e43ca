"""Counts a dataset's uses, and refunds unpaid ones by the chain before a limit refuses a request."""

from typing import Final

from sealgrid.chain.views import payment_outcome
from sealgrid.units import TaskId
from sealgrid.vault.chain.snapshot import DealSnapshot
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.use_ledger import HOUR

BATCH: Final = 32  #: tasks read from the chain at once
MAX_BATCHES: Final = 8  #: per release; the next release continues


def count_uses(vault: Vault, snapshot: DealSnapshot, *, excluding: TaskId, at: int) -> DatasetUses:
    """Return the uses of the deal's dataset by tasks other than ``excluding``; zero without a dataset."""
    dataset, ledger = snapshot.dataset, vault.task_store.use_ledger
    if dataset is None:
        return DatasetUses()
    return DatasetUses(
        hour=ledger.count_in_hour(dataset.address, snapshot.deal.requester, excluding=excluding, at=at),
        total=ledger.count_total(dataset.address, dataset.owner, excluding=excluding),
    )


async def refund_unpaid_uses(vault: Vault, snapshot: DealSnapshot, *, excluding: TaskId, tasks: int = 1) -> None:
    """Refund uses that the snapshot's block shows to be finally unpaid, until the policy permits ``tasks`` more uses.

    Uses by the task ``excluding`` do not count (empty for none). Reads nothing while no limit is reached. The outcome
    of a task is final, so repeated calls read each task once or twice in total.
    """
    dataset, ledger = snapshot.dataset, vault.task_store.use_ledger
    if dataset is None:
        return
    for _ in range(MAX_BATCHES):
        signed = vault.share_store.policy(dataset.address, dataset.owner)
        if signed is None:
            return
        uses = count_uses(vault, snapshot, excluding=excluding, at=vault.clock())
        left_in_hour = signed.policy.uses_per_requester_hour - uses.hour
        if tasks <= left_in_hour and tasks <= signed.policy.uses_total - uses.total:
            return
        unresolved = ledger.unresolved(
            dataset.address, dataset.owner, snapshot.deal.requester, by=snapshot.time, most=BATCH
        )
        if not unresolved:
            return
        for task, view in zip(unresolved, await vault.chain.tasks(unresolved, at=snapshot.block_hash), strict=True):
            later = view.final_deadline if view.final_deadline > snapshot.time else snapshot.time + HOUR
            ledger.resolve(task, payment_outcome(view, snapshot.time), later=later)
