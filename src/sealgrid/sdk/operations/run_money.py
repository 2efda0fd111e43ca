"""Read from the chain where the price of a task is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sealgrid.chain.views import DealView
from sealgrid.errors import ContractReverted, NotFound, SealgridError
from sealgrid.poco.constants import FINAL_DEADLINE_RATIO
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import UNMATCHED, MoneyState, attach, money_of
from sealgrid.units import DealId, TaskId


async def money_on_chain(conn: Connection, deal: DealId, task: TaskId) -> MoneyState:
    """Return where a task's price is; raise NotFound for a deal that the chain does not have."""
    view, status, head = await asyncio.gather(
        conn.hub.view_deal(deal),
        conn.hub.view_task(task),
        conn.node.block(),
    )
    timeref = (await conn.hub.view_category(view.category)).timeref
    return money_of(task, view, status.status, timeref, head.timestamp)


async def final_deadline(conn: Connection, deal: DealView) -> int:
    """Return the time from which the price of a deal's open tasks can be claimed back, Unix seconds."""
    return deal.start_time + FINAL_DEADLINE_RATIO * (await conn.hub.view_category(deal.category)).timeref


async def money_or_unknown(conn: Connection, deal: DealId, task: TaskId) -> MoneyState:
    """Return where a task's price is; ``unknown`` where the chain does not answer, or has no such deal (yet)."""
    try:
        return await money_on_chain(conn, deal, task)
    except SealgridError:
        return MoneyState("unknown", task)


async def money_after(conn: Connection, error: SealgridError, deal: DealId, task: TaskId) -> MoneyState:
    """Return where the price is after the match ended in ``error``: a deal that the hub refused does not come later."""
    try:
        return await money_on_chain(conn, deal, task)
    except NotFound:
        return UNMATCHED if isinstance(error, ContractReverted) else MoneyState("unknown", task)
    except SealgridError:
        return MoneyState("unknown", task)


@asynccontextmanager
async def with_money(conn: Connection, deal: DealId, task: TaskId) -> AsyncIterator[None]:
    """Add to errors where the price of a bought task is, from the chain."""
    try:
        yield
    except SealgridError as error:
        if not error.money:
            attach(error, await money_or_unknown(conn, deal, task))
        raise
