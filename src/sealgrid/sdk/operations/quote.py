"""The price of a run before it is bought: its parts, the payer's money, the expected duration, the vaults' preview."""

import asyncio
from dataclasses import dataclass

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.receipts.run_record import RunTimes
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.buy import params_of
from sealgrid.sdk.operations.deal_terms import DealOrders, choose_offers, request_order
from sealgrid.sdk.operations.past_runs import past_runs
from sealgrid.sdk.operations.preview import ReleasePreview, check_release
from sealgrid.sdk.operations.price import price_of
from sealgrid.sdk.operations.release_marks import ReleaseMark, released_apps
from sealgrid.sdk.operations.run_inputs import check_purchase, check_request_model, public_signature
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address


@dataclass(frozen=True, slots=True)
class RunQuote:
    """The price of a run at the offers of this moment. Nothing is bought or reserved."""

    app: Address
    model: Address | None
    pool: Address
    tasks: int
    app_price: Amount  #: of one task, like the two below
    model_price: Amount | None  #: None without a model
    computing_price: Amount
    total: Amount  #: of all tasks
    payer: Address
    escrow: Amount  #: the payer's, free for runs
    wallet: Amount  #: the payer's, outside escrow
    missing: Amount  #: to be deposited into escrow before the run can be bought; 0 if it covers the price
    quorum: int  #: vaults that must release the keys; 0 for a run without a TEE, which has none
    vaults: int  #: of the network
    conditions: tuple[str, ...]  #: of the model's owner on the machine, which only the release can check
    past_runs: int  #: answers of this app on this model that the durations are from
    expected_seconds: float | None  #: that of the next two which is known, the warm one first
    warm_seconds: float | None  #: the median on a worker that ran it before, from the deal to the payment
    cold_seconds: float | None  #: the median of first runs of a worker, which fetches the files
    slowest_seconds: int | None
    duration: str  #: the expected duration as text
    release: ReleaseMark | None = None  #: of a shipped app, or of one of its name
    trust: int = 1  #: PoCo's, above 1 for a run without a TEE


async def quote(
    conn: Connection,
    request: RunRequest,
    *,
    payer: Address | None = None,
    check_inputs: bool = True,
    on_progress: Progress = ignore_progress,
) -> RunQuote:
    """Return the price of a request and ask the vaults whether they would release the keys; nothing is bought.

    A run without a TEE has no keys.

    ``payer`` pays from its escrow, by default this account. Raises like ``buy.run`` for a request that cannot be
    bought; a price that the escrow does not cover is not an error. The previewed deal names no input file. Without
    ``check_inputs`` the request has no input yet: only its model is compared with the app's specification.
    """
    payer = payer or conn.address
    manifest = await check_purchase(conn, request, on_progress, check_inputs=check_inputs)
    if not check_inputs:
        check_request_model(manifest, request, await public_signature(conn, manifest, request))
    on_progress(ProgressStep("choosing the cheapest offers"))
    offers = await choose_offers(conn, request, on_progress)
    params = params_of(
        None, HpkeKey.generate().public, request.public_args, deferred_callback=request.deferred_callback
    )
    terms = DealOrders(*offers, request_order(conn, offers, request, params))
    model = terms.dataset.dataset
    preview, facts, released, past, account, wallet = await asyncio.gather(
        _preview(conn, request, terms, on_progress),
        conn.asset_facts.read("App", request.app),
        asyncio.to_thread(released_apps, conn.network.python),
        past_runs(conn, terms.app.app, model),
        conn.hub.account(payer),
        conn.hub.wallet_balance(payer),
    )
    price = price_of(offers, request.tasks)
    return RunQuote(
        app=terms.app.app,
        model=None if model == ZERO_ADDRESS else model,
        pool=terms.workerpool.workerpool,
        tasks=request.tasks,
        app_price=price.app,
        model_price=price.model,
        computing_price=price.computing,
        total=price.total,
        payer=payer,
        escrow=Amount(account.stake),
        wallet=Amount(wallet),
        missing=Amount(max(0, price.total - account.stake)),
        quorum=preview.quorum,
        vaults=len(conn.vaults),
        conditions=preview.conditions,
        past_runs=past.count,
        expected_seconds=past.expected,
        warm_seconds=RunTimes.of(past.warm).median,
        cold_seconds=RunTimes.of(past.cold).median,
        slowest_seconds=past.slowest,
        duration=str(past),
        release=released.mark(facts.checksum, facts.name),
        trust=request.trust,
    )


async def _preview(conn: Connection, request: RunRequest, terms: DealOrders, on_progress: Progress) -> ReleasePreview:
    if not request.tee:
        return ReleasePreview(0, ())
    on_progress(ProgressStep("asking the vaults whether they will release the keys"))
    return await check_release(conn, terms, on_progress)
