"""Payments of tasks to an account, with what was sold to whom, and their sums by app, model, buyer or month."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sealgrid.chain.events import Reward
from sealgrid.chain.views import DealView
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address, TaskId

_CONCURRENT: Final = 8

EarningsKind = Literal["app", "model", "buyer", "month"]


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


@dataclass(frozen=True, slots=True)
class EarningsGroup:
    """The payments of one app, model, buyer or month together."""

    key: str  #: an address, or a month in UTC as "2026-11"; empty for runs without a model
    name: str  #: of the app or model, else empty
    payments: int
    amount: Amount


async def payments_of(conn: Connection, rewards: Sequence[Reward]) -> tuple[EarnedPayment, ...]:
    """Return the payments of these events, with their deals as the chain has them."""
    limit = asyncio.Semaphore(_CONCURRENT)

    async def payment_of(reward: Reward) -> EarnedPayment:
        async with limit:
            deal = await conn.hub.view_deal((await conn.hub.view_task(reward.task)).deal)
            return await _payment(conn, reward, deal)

    return tuple(await asyncio.gather(*(payment_of(each) for each in rewards)))


async def _payment(conn: Connection, reward: Reward, deal: DealView) -> EarnedPayment:
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
    )


def grouped(payments: Sequence[EarnedPayment], kind: EarningsKind) -> tuple[EarningsGroup, ...]:
    """Return the sums by app, model or buyer, the largest first, or by month, the newest first."""
    groups: dict[tuple[str, str], list[EarnedPayment]] = defaultdict(list)
    for payment in payments:
        groups[_key(payment, kind)].append(payment)
    sums = [
        EarningsGroup(key, name, len(group), Amount(sum(each.amount for each in group)))
        for (key, name), group in groups.items()
    ]
    if kind == "month":
        return tuple(sorted(sums, key=lambda each: each.key, reverse=True))
    return tuple(sorted(sums, key=lambda each: (-each.amount, each.key)))


def _key(payment: EarnedPayment, kind: EarningsKind) -> tuple[str, str]:
    if kind == "app":
        return payment.app, payment.app_name
    if kind == "model":
        return payment.model or "", payment.model_name
    if kind == "buyer":
        return payment.requester, ""
    return datetime.fromtimestamp(payment.time, UTC).strftime("%Y-%m"), ""
