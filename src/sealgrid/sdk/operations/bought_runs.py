"""The runs whose result keys are in the data folder, with names from the chain and states from receipts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.run_states import RunState, run_state
from sealgrid.sdk.stores.job_store import JobRecord
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId

_CONCURRENT: Final = 8


@dataclass(frozen=True, slots=True)
class BoughtRun:
    """A run that an account of this data folder bought."""

    task: TaskId
    time: int  #: of the purchase by this machine's clock, Unix seconds
    state: RunState  #: "unknown" where the network does not say
    amount: Amount  #: the price of app, model and computing
    app: Address
    app_name: str  #: empty where the network does not say, like the model's
    model: Address | None
    model_name: str
    requester: Address
    deal: DealId


def stored_runs(records: Sequence[JobRecord]) -> tuple[BoughtRun, ...]:
    """Return the runs of stored records, without what only a network knows."""
    return tuple(_stored_run(record) for record in records)


async def bought_runs(conn: Connection, records: Sequence[JobRecord]) -> tuple[BoughtRun, ...]:
    """Return the runs of stored records; those of another chain stay as they are stored."""
    limit, now = asyncio.Semaphore(_CONCURRENT), (await conn.node.block()).timestamp
    chain = (conn.network.genesis, conn.network.hub)

    async def one(record: JobRecord) -> BoughtRun:
        async with limit:
            run = _stored_run(record)
            return await _completed(conn, run, now) if (record.genesis, record.hub) == chain else run

    return tuple(await asyncio.gather(*(one(record) for record in records)))


def _stored_run(record: JobRecord) -> BoughtRun:
    app, dataset, pool, _ = record.signed_orders()
    return BoughtRun(
        task=record.task,
        time=record.created,
        state="unknown",
        amount=Amount(app.appprice + dataset.datasetprice + pool.workerpoolprice),
        app=app.app,
        app_name="",
        model=None if dataset.dataset == ZERO_ADDRESS else dataset.dataset,
        model_name="",
        requester=record.account,
        deal=record.deal,
    )


async def _completed(conn: Connection, run: BoughtRun, now: int) -> BoughtRun:
    try:
        app_name = (await conn.asset_facts.read("App", run.app)).name
        model_name = "" if run.model is None else (await conn.asset_facts.read("Dataset", run.model)).name
        return replace(
            run, app_name=app_name, model_name=model_name, state=await run_state(conn, run.task, run.deal, now)
        )
    except SealgridError:
        return run
