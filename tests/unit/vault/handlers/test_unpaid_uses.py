"""Refunds of uses that the chain shows to be unpaid, before a limit refuses a request."""

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.units import TaskId, to_digest
from sealgrid.vault.handlers.unpaid_uses import count_uses, refund_unpaid_uses
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.share_store import StoredPolicy
from sealgrid.vault.stores.use_ledger import DatasetUse
from tests.unit.vault.vault_scene import DATASET, NOW, OWNER, REQUESTER, TASK, policy, task
from tests.unit.vault.vault_service import SnapshotChain

OTHER = TaskId(to_digest(b"\x61" * 32))


@pytest.fixture
def at_limit(vault: Vault) -> Vault:
    """A vault whose policy permits one use, which another task has taken."""
    vault.share_store.set_policy(StoredPolicy(policy(uses_total=1), b""), at=NOW)
    use = DatasetUse(
        task=OTHER,
        dataset=DATASET,
        owner=OWNER.address,
        requester=REQUESTER.address,
        used=NOW - 500,
        deadline=NOW - 400,
        refundable=True,
    )
    vault.task_store.use_ledger.add(use)
    return vault


def total(vault: Vault, chain: SnapshotChain) -> int:
    return count_uses(vault, chain.snapshot, excluding=TASK, at=NOW).total


async def test_a_use_whose_task_missed_its_deadline_unpaid_is_refunded(at_limit: Vault, chain: SnapshotChain) -> None:
    chain.tasks_at[OTHER] = task(status=TaskStatus.ACTIVE, contribution_deadline=NOW - 400, final_deadline=NOW - 1)
    assert total(at_limit, chain) == 1
    await refund_unpaid_uses(at_limit, chain.snapshot, excluding=TASK)
    assert total(at_limit, chain) == 0


async def test_a_paid_use_stays_and_is_read_once(at_limit: Vault, chain: SnapshotChain) -> None:
    chain.tasks_at[OTHER] = task(status=TaskStatus.COMPLETED, final_deadline=NOW - 1)
    for _ in range(2):
        await refund_unpaid_uses(at_limit, chain.snapshot, excluding=TASK)
    assert (total(at_limit, chain), chain.reads) == (1, 1)


async def test_nothing_is_read_below_the_limit(vault: Vault, chain: SnapshotChain) -> None:
    vault.share_store.set_policy(StoredPolicy(policy(), b""), at=NOW)
    await refund_unpaid_uses(vault, chain.snapshot, excluding=TASK)
    assert chain.reads == 0
