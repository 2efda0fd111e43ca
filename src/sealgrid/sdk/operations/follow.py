"""Follow a task until it ends: long poll of its pool for stages, and the chain for the outcome."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import DealRefused, HostFailed, NotFound, ServiceUnavailable, TooManyRequests
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import attach
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.refusals import remedy
from sealgrid.sdk.operations.run_money import money_on_chain, with_money
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS, OnWaiting, WaitNotice, ignore_waiting, is_waiting
from sealgrid.units import TaskId
from sealgrid.wire.pool import StageAt

POLL_SECONDS: Final = 0.1  #: minimum between two reads of a task without news
WAIT_SECONDS: Final = 1.0  #: the pool's long poll; the chain decides, so it is read at least as often

_ENDED = frozenset({"completed", "failed", "refunded"})
_LAST = _ENDED | {"finalizing"}  #: stages at which the chain may have completed the task

OnStage = Callable[[StageAt], None]


def ignore_stage(stage: StageAt) -> None:
    """Do nothing."""


async def follow(
    conn: Connection,
    job: PurchasedTask,
    on_progress: OnStage = ignore_stage,
    *,
    patience: float = PATIENCE_SECONDS,
    on_waiting: OnWaiting = ignore_waiting,
    on_detail: OnStage = ignore_stage,
) -> None:
    """Return when the chain has completed the task.

    ``on_progress`` is called once with each stage, ``on_detail`` with a stage that it has and that has a new detail.
    ``on_waiting`` is called once if no machine is known to work on the task ``patience`` seconds after the deal.
    Raises DealRefused when the pool reports that the vaults refuse the deal, HostFailed when no machine can finish the
    task any more; every error says where the price is.
    """
    async with with_money(conn, job.deal, job.task):
        reported, has_notified = _ReportedStages(on_progress, on_detail), False
        begun = min(conn.clock(), (await conn.hub.view_deal(job.deal)).start_time)  # a local chain's clock may be ahead
        wait, chain_read_at = WAIT_SECONDS, 0.0
        while True:
            polled_at = time.monotonic()
            stages = await history(conn, job.task, after=reported.count, wait=wait)
            news = reported.report(stages)
            wait = 0.0 if stages and stages[-1].stage in _ENDED else WAIT_SECONDS  # no stage follows an end
            if news and stages[-1].stage not in _LAST and polled_at < chain_read_at + WAIT_SECONDS:
                continue
            chain_read_at = polled_at
            status = (await conn.hub.view_task(job.task)).status
            if status is TaskStatus.COMPLETED:
                reported.report(await history(conn, job.task))  # the chain may be ahead of the last reply
                return
            if status is TaskStatus.FAILED:
                raise HostFailed("no machine finished the task before its deadline.")
            if stages and stages[-1].stage == "failed":
                money = await money_on_chain(conn, job.deal, job.task)
                if money.kind == "locked":  # else the task ended in the meantime: the next read of the chain shows it
                    failure = failure_of(stages[-1])
                    attach(failure, money)
                    raise failure
            if not has_notified and conn.clock() - begun >= patience and is_waiting(stages):
                money = await money_on_chain(conn, job.deal, job.task)
                on_waiting(WaitNotice(job.task, job.terms.workerpool.workerpool, int(conn.clock() - begun), money))
                has_notified = True
            if not news:
                await asyncio.sleep(max(0.0, polled_at + POLL_SECONDS - time.monotonic()))


class _ReportedStages:
    """What a follower of a task was told."""

    def __init__(self, on_progress: OnStage, on_detail: OnStage) -> None:
        self._on_progress, self._on_detail = on_progress, on_detail
        self.count, self._detail = 0, ""

    def report(self, stages: tuple[StageAt, ...]) -> bool:
        """Tell what is new; return whether there are new stages."""
        news = stages[self.count :]
        for stage in news:
            self._on_progress(stage)
        if stages and not news and stages[-1].detail != self._detail:
            self._on_detail(stages[-1])
        if stages:
            self.count, self._detail = self.count + len(news), stages[-1].detail
        return bool(news)


def failure_of(failed: StageAt) -> DealRefused | HostFailed:
    """Return the error of a task that its pool gave up: the vaults' refusal, or a failure of its machines.

    Only the pool reports the refusal, unsigned: a pool that states it falsely may still finish the task.
    """
    reason = failed.detail.rstrip(".")
    if failed.check:
        reported = reason or refusal_message(failed.check).rstrip(".")
        return DealRefused(failed.check, f"the pool reports that {reported}; {remedy(failed.check)}.")
    return HostFailed(f"no machine could finish the task ({reason or 'the pool gave it up'}).")


async def history(conn: Connection, task: TaskId, *, after: int = 0, wait: float = 0.0) -> tuple[StageAt, ...]:
    """Return a task's stages: exact ones to its requester, public ones to others; none while the pool is unavailable.

    The pool answers once there are more than ``after`` stages, or after ``wait`` seconds.
    """
    try:
        return await conn.stage_reader.stages(task, after=after, wait=wait)
    except (NotFound, ServiceUnavailable, TooManyRequests):
        return ()  # the chain decides; stages are information only


async def public_history(conn: Connection, task: TaskId) -> tuple[StageAt, ...]:
    """Return the public stages of a task; none while the pool is unavailable."""
    try:
        return (await conn.pool.task(task)).history
    except (NotFound, ServiceUnavailable, TooManyRequests):
        return ()
