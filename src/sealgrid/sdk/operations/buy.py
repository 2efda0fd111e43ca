"""Buy one run of an app: seal the input, sign the request, make the deal, follow the task."""

import asyncio
import io
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sealgrid.attestation.statements import InputGrant
from sealgrid.bundle.job_input import JobInput, check_input, split_arguments
from sealgrid.chain.assets import Assets
from sealgrid.chain.views import TaskStatus as ChainStatus
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto import container
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import (
    ChainError,
    ContractReverted,
    HostFailed,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import DatasetOrder, WorkerpoolOrder
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.concurrency import both
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.deal_terms import DealOrders, RunRequest, offers_for, terms_of
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.manifests import expect_runnable
from sealgrid.sdk.operations.pool_selection import pools_named
from sealgrid.sdk.operations.preview import expect_release
from sealgrid.sdk.operations.run_money import money_on_chain, with_money
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS, OnWaiting, WaitNotice, ignore_waiting, waits
from sealgrid.sdk.progress import Progress, ProgressStep, silent
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_address, to_bytes
from sealgrid.wire.pool import StageAt

POLL_SECONDS = 0.1  #: least time between two looks at a task of which nothing new was said
WAIT_SECONDS = 1.0  #: for which the pool is asked to wait for news; the chain decides, and is asked as often at least

_ENDED = frozenset({"completed", "failed", "refunded"})

Told = Callable[[StageAt], None]


@dataclass(frozen=True, slots=True)
class PurchasedTask:
    """One task that was paid into escrow for this account, and the key that opens its result."""

    deal: DealId
    task: TaskId
    terms: DealOrders
    result_key: HpkeKey = field(repr=False)
    tasks: int = 1  #: in the deal; all have this input and this key

    def bag(self) -> tuple["PurchasedTask", ...]:
        """Return every task of the deal, this one among them."""
        return tuple(replace(self, task=task_id(self.deal, index)) for index in range(self.tasks))


async def run(
    conn: Connection,
    app: Address,
    *,
    model: Address = ZERO_ADDRESS,
    model_order: DatasetOrder | None = None,
    files: Sequence[tuple[str, bytes]] = (),
    args: Sequence[str] = (),
    secrets: Mapping[str, str] | None = None,
    public_args: str = "",
    callback: Address = ZERO_ADDRESS,
    deferred_callback: bool = False,
    tasks: int = 1,
    max_price: int | None = None,
    category: int | None = None,
    workerpool: WorkerpoolOrder | None = None,
    pool: str | None = None,
    sponsor: Wallet | None = None,
    keep: Callable[[PurchasedTask], None] = lambda job: None,
    progress: Progress = silent,
    preview: bool = True,
) -> PurchasedTask:
    """Start one run of an app, private by default: arguments, files and secrets go into one sealed input.

    ``secrets`` are IEXEC_REQUESTER_SECRET_n by n; ``public_args`` come before ``args`` and stand on the chain for all
    to read. A ``callback`` contract gets what the app publishes for it, in the clear; no bytes at all when the app
    failed. Requester and worker hold these data before anything is paid, and may then let the task expire. A
    ``deferred_callback`` puts a commitment on the chain; the data open with the result, for anybody to deliver.
    ``tasks`` is how often the app runs on this input in one deal; the job is about the first, and says how many were
    sold when others were quicker.
    ``max_price`` bounds the sum of all prices in nRLC. ``pool`` says where computing is bought (sdk/pools.py): at the
    pools that the network file pins by default; ``workerpool`` takes this very order instead, as ``model_order`` does
    for the model. ``sponsor`` pays from its
    escrow instead of this account. ``keep`` is called with the job just before the deal is made: what it stores
    survives a crash of this process. ``progress`` hears every step until then. Without ``preview`` the vaults are not
    asked beforehand, and what they refuse is bought.
    Raises InputRefused for input that the enclave would refuse (``bundle.inputs``), OrderRefused when nobody offers the
    app, the model or the computing, or when it costs more, InterpreterMismatch for an app that is built for another
    Python than this network runs apps on, and DealRefused, before money moves, when the vaults would refuse.
    """
    given = JobInput(tuple(args), tuple(files), dict(secrets or {}))
    check_input(given, split_arguments(public_args))
    pools_named(conn.network, pool)  # refuses an unknown name before anything is sealed
    progress(ProgressStep("choosing the cheapest offers"))
    _, offers = await both(
        expect_runnable(conn, app),
        offers_for(
            conn, app, model_order or model, tasks, category=category, pool=workerpool or pool, progress=progress
        ),
    )
    result_key = HpkeKey.generate()
    progress(ProgressStep("sealing the input"))
    dek, sealed, sha256 = _seal_input(given)
    wanted = RunRequest(
        params_of(sha256, result_key.public, public_args, deferred_callback=deferred_callback),
        callback,
        tasks,
        max_price,
    )
    terms = terms_of(conn, offers, wanted)
    grant = await grant_of(conn, sha256, terms)
    progress(ProgressStep("storing the sealed input, and giving its key to the vaults"))
    enough = conn.network.threshold
    await both(
        conn.storage.put_bytes(sealed),
        deposit(conn, dek, asset=name_of(sha256), file_sha256=sha256, grant=grant, at_least=enough),
    )
    if preview:
        progress(ProgressStep("asking the vaults whether they will release"))
        await expect_release(conn, terms, progress)
    deal = deal_id(grant.request, 0)  # no use of this request was ever consumed: its salt is fresh
    job = PurchasedTask(deal=deal, task=task_id(deal, 0), terms=terms, result_key=result_key, tasks=tasks)
    keep(job)
    progress(ProgressStep("making the deal on the chain"))
    await _match(conn, job, sponsor)
    return job if tasks == 1 else await _as_sold(conn, job)


async def _match(conn: Connection, job: PurchasedTask, sponsor: Wallet | None) -> None:
    """Make the deal; one that somebody else made of the same request a moment before is the same deal."""
    terms, hub = job.terms, conn.hub
    send, wallet = (hub.match_orders, conn.wallet) if sponsor is None else (hub.sponsor_match_orders, sponsor)
    try:
        made = await send(wallet, terms.app, terms.dataset, terms.workerpool, terms.request)
    except ContractReverted:
        if await payer(conn, job.deal) is None:
            raise
        return
    if made != job.deal:
        raise ChainError(f"the chain made another deal ({made}) than the one that was signed ({job.deal}).", money="")


async def payer(conn: Connection, deal: DealId) -> Address | None:
    """Return whose escrow pays for a deal and gets what is refunded; None while the chain has no such deal."""
    try:
        return (await conn.hub.view_deal(deal)).sponsor
    except NotFound:
        return None


async def _as_sold(conn: Connection, job: PurchasedTask) -> PurchasedTask:
    """Return a bag as the chain sold it; what of it was not sold is cancelled, so that nobody sells it later."""
    sold = (await conn.hub.view_deal(job.deal)).bot_size
    if sold < job.tasks:
        await conn.hub.cancel(conn.wallet, job.terms.request)
    return replace(job, tasks=sold)


async def follow(
    conn: Connection,
    job: PurchasedTask,
    told: Told = lambda stage: None,
    *,
    patience: float = PATIENCE_SECONDS,
    on_waiting: OnWaiting = ignore_waiting,
) -> None:
    """Wait until the chain has completed the task, telling every stage once.

    ``on_waiting`` is called once, when no machine is known to work on the task ``patience`` seconds after the deal.
    Raises HostFailed when no machine can finish it any more; every error says where the price is.
    """
    async with with_money(conn, job.deal, job.task):
        await _follow(conn, job, told, patience, on_waiting)


async def _follow(conn: Connection, job: PurchasedTask, told: Told, patience: float, on_waiting: OnWaiting) -> None:
    seen, said = 0, False
    begun = min(conn.clock(), (await conn.hub.view_deal(job.deal)).start_time)  # a local chain's clock may be ahead
    wait = WAIT_SECONDS
    while True:
        asked = time.monotonic()
        told_by_pool = await history(conn, job.task, after=seen, wait=wait)
        news = told_by_pool[seen:]
        for stage in news:
            told(stage)
        seen += len(news)
        wait = 0.0 if told_by_pool and told_by_pool[-1].stage in _ENDED else WAIT_SECONDS  # nothing follows an end
        status = (await conn.hub.view_task(job.task)).status
        if status is ChainStatus.COMPLETED:
            for stage in (await history(conn, job.task))[seen:]:  # the chain may be ahead of the last reply
                told(stage)
            return
        if status is ChainStatus.FAILED:
            raise HostFailed("no machine finished the task before its deadline.")
        if told_by_pool and told_by_pool[-1].stage == "failed":
            await _give_up(conn, job, told_by_pool[-1].detail)
        if not said and conn.clock() - begun >= patience and waits(told_by_pool):
            money = await money_on_chain(conn, job.deal, job.task)
            on_waiting(WaitNotice(job.task, job.terms.workerpool.workerpool, int(conn.clock() - begun), money))
            said = True
        if not news:
            await asyncio.sleep(max(0.0, asked + POLL_SECONDS - time.monotonic()))


async def _give_up(conn: Connection, job: PurchasedTask, why: str) -> None:
    if (await money_on_chain(conn, job.deal, job.task)).kind == "locked":  # else the end is a matter of seconds: wait
        raise HostFailed(f"no machine could finish the task ({why.rstrip('.') or 'the pool gave it up'}).")


async def history(conn: Connection, task: TaskId, *, after: int = 0, wait: float = 0.0) -> tuple[StageAt, ...]:
    """Return a task's stages: the exact ones to its requester, public ones to others; empty while the pool is away.

    The pool may answer its requester once there are more than ``after``, or after ``wait`` seconds.
    """
    try:
        return await conn.stage_reader.stages(task, after=after, wait=wait)
    except (NotFound, ServiceUnavailable, TooManyRequests):
        return ()  # The chain decides; a pool that is away or busy only tells nothing.


async def public_history(conn: Connection, task: TaskId) -> tuple[StageAt, ...]:
    """Return the stages that everybody may know of a task; empty while the pool is away."""
    try:
        return (await conn.pool.task(task)).history
    except (NotFound, ServiceUnavailable, TooManyRequests):
        return ()


def _seal_input(job_input: JobInput) -> tuple[bytes, bytes, Digest]:
    dek, packed, sealed = os.urandom(32), job_input.pack(), io.BytesIO()
    sha256 = container.seal(io.BytesIO(packed), sealed, dek=dek, size=len(packed), key_id=os.urandom(16))
    return dek, sealed.getvalue(), sha256


def params_of(sha256: Digest, result_key: bytes, public_args: str = "", *, deferred_callback: bool = False) -> str:
    """Return the request's public JSON: which sealed input, and the X25519 key that the result is sealed to."""
    own: dict[str, object] = {"inputs": [sha256], "result_key": "0x" + result_key.hex()}
    ours = {"sealgrid": own | {"callback": "deferred"} if deferred_callback else own}
    return json.dumps({"iexec_args": public_args} | ours if public_args else ours, separators=(",", ":"))


async def grant_of(conn: Connection, sha256: Digest, terms: DealOrders) -> InputGrant:
    """Return what lets the app of these terms, at the code that it has now, read a sealed input."""
    return InputGrant(
        owner=conn.address,
        file_sha256=sha256,
        app=await Assets(conn.hub).checksum("App", terms.app.app),
        request=order_hash(terms.request, conn.order_domain),
    )


def name_of(sha256: Digest) -> Address:
    """Return what a sealed input's key record has in an asset's place."""
    return to_address(to_bytes(sha256, 32)[:20])
