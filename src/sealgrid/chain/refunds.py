"""Claim the refund of a task that no machine finished before its final deadline: anybody may, and once is enough."""

from sealgrid.chain.hub import Hub
from sealgrid.chain.views import TaskStatus
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import ContractReverted
from sealgrid.poco.ids import task_id
from sealgrid.units import DealId


async def claim_refund(hub: Hub, wallet: Wallet, deal: DealId, index: int) -> TaskStatus:
    """Open the task if nobody did, claim its refund, and return its status: FAILED, or COMPLETED when it was paid.

    A task that somebody else opens or claims meanwhile is no error. Raises ContractReverted before the deadline.
    """
    task = task_id(deal, index)
    status = (await hub.view_task(task)).status
    while status not in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        try:
            if status is TaskStatus.UNSET:
                await hub.initialize(wallet, deal, index)
            await hub.claim(wallet, task)
        except ContractReverted:
            before, status = status, (await hub.view_task(task)).status
            if status is before:  # nobody was quicker: the hub means it
                raise
        else:
            return TaskStatus.FAILED
    return status
