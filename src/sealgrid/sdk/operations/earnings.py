"""Payments of tasks to an account, with what was sold to whom."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.chain.events import Reward
from sealgrid.chain.views import DealView
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.run_states import RunState, paid_state
from sealgrid.units import ZERO_ADDRESS, Address, TaskId

_CONCURRENT: Final = 8


@dataclass(frozen=True, slots=True)
class EarnedPayment:
    """The payment of one task to this account."""

    task: TaskId
    amount: Amount
    block: int
    time: int  #: of the deal, Unix seconds
    app: Address
    app_name: str
    model: Address | None
    model_name: str  #: empty without a model
    requester: Address
    state: RunState = "unknown"  #: how the task ended, if it was asked for


async def payments_of(
    conn: Connection, rewards: Sequence[Reward], *, states: bool = False
) -> tuple[EarnedPayment, ...]:
    """Return the payments of these events, with their deals as the chain has them.

    ``states`` verifies the receipt of each task, to say how it ended.
    """
    limit = asyncio.Semaphore(_CONCURRENT)

    async def payment_of(reward: Reward) -> EarnedPayment:
        async with limit:
            deal = await conn.hub.view_deal((await conn.hub.view_task(reward.task)).deal)
            state: RunState = await paid_state(conn, reward.task) if states else "unknown"
            return await _payment(conn, reward, deal, state)

    return tuple(await asyncio.gather(*(payment_of(each) for each in rewards)))


async def _payment(conn: Connection, reward: Reward, deal: DealView, state: RunState) -> EarnedPayment:
    model = None if deal.dataset.pointer == ZERO_ADDRESS else deal.dataset.pointer
    return EarnedPayment(
        task=reward.task,
        amount=Amount(reward.amount),
        block=reward.block_number,
        time=deal.start_time,
        app=deal.app.pointer,
        app_name=(await conn.asset_facts.read("App", deal.app.pointer)).name,
        model=model,
        model_name="" if model is None else (await conn.asset_facts.read("Dataset", model)).name,
        requester=deal.requester,
        state=state,
    )
