"""Checks before a vault releases its share of a result key, sealed to the requester's key (open.1-4).

(1) The vault has the enclave's Settle for this task.
(2) At a confirmed block the task is COMPLETED,
(3) the contribution of that worker is PROVED with this enclave as its challenge,
(4) and the result digest on the chain is the settled one.

The response may include the vault's testimony, so a paid worker cannot withhold access to the result.
"""

from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.errors import ReleaseRefused
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.settle import SettleRecord


def check_opening(settled: SettleRecord | None, snapshot: ChainSnapshot) -> SettleRecord:
    """Return the result that may be opened; raise ReleaseRefused with number "open.n"."""
    if settled is None:  # (1)
        raise not_settled()
    if snapshot.task.status is not TaskStatus.COMPLETED:  # (2)
        raise ReleaseRefused("open.2", "the chain has not paid for this task, so its result stays sealed.")
    paid = snapshot.contribution
    if paid is None or paid.status is not ContributionStatus.PROVED:  # (3)
        raise ReleaseRefused("open.3", "the worker of this enclave has no proved contribution to the task.")
    if paid.enclave != settled.settle.enclave:  # (3)
        raise ReleaseRefused("open.3", "the chain paid for the result of another enclave.")
    if snapshot.task.result_digest != settled.settle.result_digest:  # (4)
        raise ReleaseRefused("open.4", "the result on the chain is not the one that this enclave settled.")
    return settled


def not_settled() -> ReleaseRefused:
    """Return the error of check (1)."""
    return ReleaseRefused("open.1", "this vault has no settled result of this enclave.")
