"""Claim refunds of tasks that missed their final deadline; pools claim them too."""

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ContractReverted, InputRefused, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import MoneyState, format_time
from sealgrid.sdk.operations.run_money import money_on_chain, with_money
from sealgrid.units import DealId, TaskId


async def claim(conn: Connection, deal: DealId, task: TaskId) -> MoneyState:
    """Claim the refund of one task of a deal, and return where its price is then; anyone may call it.

    Raises InputRefused before the final deadline and for a task that was paid, NotFound for a task of another deal.
    """
    async with with_money(conn, deal, task):
        money = await money_on_chain(conn, deal, task)
        if money.kind == "refunded":
            return money
        if money.kind == "paid":
            raise InputRefused(f"task {task} was completed; there is nothing to claim.")
        view = await conn.hub.view_deal(deal)
        indices = range(view.bot_first, view.bot_first + view.bot_size)
        index = next((each for each in indices if task_id(deal, each) == task), None)
        if index is None:
            raise NotFound(f"deal {deal} has no task {task}.")
        if max((await conn.node.block()).timestamp, int(conn.clock())) < money.until:
            raise _too_early(task, money)
        try:
            await conn.hub.claim_refund(conn.wallet, deal, index)
        except ContractReverted as error:
            if (await money_on_chain(conn, deal, task)).kind == "locked":  # this machine's clock is ahead
                raise _too_early(task, money) from error
            raise
        return await money_on_chain(conn, deal, task)


async def tasks_of(conn: Connection, deal: DealId) -> tuple[TaskId, ...]:
    """Return every task of a deal, opened or not."""
    view = await conn.hub.view_deal(deal)
    return tuple(task_id(deal, index) for index in range(view.bot_first, view.bot_first + view.bot_size))


async def deal_of(conn: Connection, task: TaskId) -> DealId:
    """Return the deal of a task that a pool opened; raise NotFound for other tasks."""
    view = await conn.hub.view_task(task)
    if view.status is TaskStatus.UNSET:
        raise NotFound(f"no pool opened task {task}, so the chain does not know its deal; give the deal too.")
    return view.deal


def _too_early(task: TaskId, money: MoneyState) -> InputRefused:
    return InputRefused(f"the refund of task {task} can be claimed from {format_time(money.until)} on.")
