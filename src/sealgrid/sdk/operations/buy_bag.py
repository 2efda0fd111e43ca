"""Buy a bag: tasks of one app with an input each, by one signed request in one deal; in several for small offers."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from sealgrid.attestation.statements import InputGrant
from sealgrid.attestation.task_inputs import TaskInputTree, pack_input_list
from sealgrid.bundle.job_input import JobInput, check_input, split_arguments
from sealgrid.chain.assets import Assets
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto import container
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import ContractReverted, InputMismatch, InputRefused, NotFound, OrderRefused
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import (
    AppOrder,
    DatasetOrder,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
    to_document,
)
from sealgrid.poco.tags import is_tee
from sealgrid.poco.typed_data import OrderDomain, order_hash, sign_order
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.buy import PurchasedTask, input_asset, match, params_of
from sealgrid.sdk.operations.deal_terms import DealOrders, PlannedDeal, plan_deals, request_order
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.preview import check_release
from sealgrid.sdk.operations.price import BagPrice, Offers, check_escrow, price_of
from sealgrid.sdk.operations.run_inputs import check_content, check_purchase, public_signature
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.run_request import RunRequest
from sealgrid.sdk.stores.bag_store import BagPurchase, DealRecord
from sealgrid.units import Digest, to_digest

CONCURRENT: Final = 8  #: inputs that are stored or deposited at a time
ATTEMPTS: Final = 3  #: failed deals before the rest of a bag stays unbought
MAX_TASKS: Final = 10_000  #: of one bag; each has a sealed input in memory until it is stored

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SealedInput:
    """One task's input as storage has it, and the key that opens it."""

    sha256: Digest
    dek: bytes

    def __repr__(self) -> str:
        return f"SealedInput({self.sha256})"


async def check_bag(
    conn: Connection,
    request: RunRequest,
    inputs: Sequence[JobInput],
    names: Sequence[str],
    on_progress: Progress = ignore_progress,
) -> None:
    """Apply the checks of a purchase to every task of a bag; an error names the input.

    Raises InputRefused for an empty or too large bag, and as ``run_inputs.check_purchase``.
    """
    if not 1 <= len(inputs) <= MAX_TASKS:
        raise InputRefused(f"a bag has 1 to {MAX_TASKS} tasks, not {len(inputs)}.")
    manifest = await check_purchase(conn, request, on_progress, check_inputs=False)
    signature = await public_signature(conn, manifest, request)
    public = split_arguments(request.public_args)
    for each, name in zip(inputs, names, strict=True):
        with _naming(name):
            check_input(each, public)
            await check_content(manifest, of_task(request, each), signature, on_progress)


def of_task(request: RunRequest, job_input: JobInput) -> RunRequest:
    """Return the request of one task of a bag."""
    return replace(request, files=job_input.files, args=job_input.args, secrets=job_input.secrets, tasks=1)


async def plan(conn: Connection, request: RunRequest, on_progress: Progress) -> tuple[PlannedDeal, ...]:
    """Return the deals of a bag, which the escrow covers; raise OrderRefused or InputRefused."""
    deals = await plan_deals(conn, request, on_progress)
    price = BagPrice(tuple(price_of(each.offers, each.tasks) for each in deals))
    await check_escrow(conn, price, conn.address)
    on_progress(ProgressStep(f"{request.tasks} tasks cost {price}", lasting=True))
    return deals


async def prepare(
    conn: Connection, request: RunRequest, shards: Sequence[int], inputs: Sequence[JobInput], on_progress: Progress
) -> BagPurchase:
    """Seal and store the inputs of these shards, deposit their keys, and return the signed purchase, not yet made.

    ``inputs`` are those of ``shards``, in their order. The vaults are asked whether they would release the keys. Raises
    like ``plan`` and DealRefused.
    """
    request = replace(request, tasks=len(shards))
    deals = await plan(conn, request, on_progress)
    if not request.tee:
        params = await _public_params(conn, request, inputs, on_progress)
        order = sign_order(request_order(conn, _dearest(deals), request, params), conn.order_domain, conn.key)
        return _purchase(shards, order, deals, HpkeKey.generate())
    sealed = await _in_turn(
        [_seal(conn, each) for each in inputs], f"sealing and storing the inputs of {len(shards)} tasks", on_progress
    )
    tree, result_key = TaskInputTree([each.sha256 for each in sealed]), HpkeKey.generate()
    params = params_of(None, result_key.public, request.public_args, task_inputs=tree.inputs)
    order = request_order(conn, _dearest(deals), request, params)
    terms = DealOrders(*deals[0].offers, sign_order(order, conn.order_domain, conn.key))
    app = await Assets(conn.hub).checksum("App", terms.app.app)
    digest = order_hash(terms.request, conn.order_domain)
    deposits = [
        deposit(
            conn,
            each.dek,
            asset=input_asset(each.sha256),
            file_sha256=each.sha256,
            grant=InputGrant(owner=conn.address, file_sha256=each.sha256, app=app, request=digest),
            task_input=tree.proof(index),
            at_least=conn.network.threshold,
        )
        for index, each in enumerate(sealed)
    ]
    await _in_turn(deposits, "depositing the keys of the inputs", on_progress)
    on_progress(ProgressStep("asking the vaults whether they will release the keys"))
    await check_release(conn, terms, on_progress)
    return _purchase(shards, terms.request, deals, result_key)


def _purchase(
    shards: Sequence[int], request: RequestOrder, deals: Sequence[PlannedDeal], result_key: HpkeKey
) -> BagPurchase:
    return BagPurchase(
        shards=tuple(shards),
        request=to_document(request),
        deals=tuple(_record(each) for each in deals),
        result_key=result_key.secret.hex(),
    )


async def _public_params(
    conn: Connection, request: RunRequest, inputs: Sequence[JobInput], on_progress: Progress
) -> str:
    """Store the inputs as they are, and the list of their digests; there are no keys, and no vault is asked."""
    stored = await _in_turn(
        [_store_public(conn, each) for each in inputs], f"storing the public inputs of {len(inputs)} tasks", on_progress
    )
    listed = pack_input_list(stored)
    await conn.storage.put_bytes(listed)
    task_inputs = TaskInputTree(stored).inputs
    return params_of(to_digest(sha256(listed)), bytes(32), request.public_args, task_inputs=task_inputs)


async def make_deals(
    conn: Connection,
    purchase: BagPurchase,
    store: Callable[[Sequence[PurchasedTask]], None] = lambda tasks: None,
    on_progress: Progress = ignore_progress,
) -> tuple[PurchasedTask, ...]:
    """Make the deals of a purchase that the chain does not have yet; return the tasks that were bought, in order.

    May be repeated after a crash at any point: the chain shows which deals of the request exist. ``store`` is called
    with the tasks of each deal before it is sent. Where other buyers were quicker, the rest is bought on other offers
    within the prices of the request; what nobody sells at them stays unbought, and the request is cancelled. Raises the
    error of the first deal when nothing was bought.
    """
    request = from_document(RequestOrder, purchase.request)
    planned = dict(_starts(purchase.deals))
    tasks = await bought_tasks(conn, purchase)
    failures = 0
    while len(tasks) < request.volume:
        on_progress(ProgressStep(f"making deals on the chain: {len(tasks)} of {request.volume} tasks are bought"))
        try:
            next_deal = planned.pop(len(tasks), None) or await _plan_rest(conn, request, len(tasks), on_progress)
            first = _purchased(conn.order_domain, purchase, next_deal, len(tasks))
            store(first.all_tasks())
            await match(conn, first, None)
        except (ContractReverted, OrderRefused):
            failures += 1
            if failures < ATTEMPTS:
                continue
            if not tasks:
                raise
            await conn.hub.cancel(conn.wallet, request)
            break
        size = (await conn.hub.view_deal(first.deal)).bot_size
        tasks = (*tasks, *replace(first, tasks=size).all_tasks())
    return tasks


async def bought_tasks(conn: Connection, purchase: BagPurchase) -> tuple[PurchasedTask, ...]:
    """Return the tasks of a purchase that the chain has, in order: a deal's id follows from the deals before it."""
    request = from_document(RequestOrder, purchase.request)
    digest = order_hash(request, conn.order_domain)
    tasks: list[PurchasedTask] = []
    orders = dict(_starts(purchase.deals))
    while len(tasks) < request.volume:
        try:
            view = await conn.hub.view_deal(deal_id(digest, len(tasks)))
        except NotFound:
            break
        recorded = orders.get(len(tasks), purchase.deals[-1])  # other offers differ in price alone
        tasks += _purchased(conn.order_domain, purchase, recorded, len(tasks), view.bot_size).all_tasks()
    return tuple(tasks)


async def spent_on(conn: Connection, purchases: Iterable[BagPurchase]) -> int:
    """Return what the tasks of purchases cost, in nRLC: all that the chain has and that were not refunded."""
    limit = asyncio.Semaphore(CONCURRENT)

    async def cost(task: PurchasedTask) -> int:
        async with limit:
            status = (await conn.hub.view_task(task.task)).status
        return 0 if status is TaskStatus.FAILED else task.terms.price

    bought = [task for each in purchases for task in await bought_tasks(conn, each)]
    return sum(await asyncio.gather(*map(cost, bought)))


def first_task(conn: Connection, purchase: BagPurchase) -> PurchasedTask:
    """Return the first task of a purchase, bought or not."""
    return _purchased(conn.order_domain, purchase, purchase.deals[0], 0)


def _starts(deals: Sequence[DealRecord]) -> Iterator[tuple[int, DealRecord]]:
    """Yield each deal with the index of its first task."""
    start = 0
    for deal in deals:
        yield start, deal
        start += deal.tasks


async def _plan_rest(conn: Connection, request: RequestOrder, bought: int, on_progress: Progress) -> DealRecord:
    """Return the next deal for the tasks that are not bought yet; raise OrderRefused when no offer fits the request."""
    wanted = RunRequest(
        request.app,
        model=request.dataset,
        tasks=request.volume - bought,
        category=request.category,
        pool=request.workerpool,
        tee=is_tee(request.tag),
        trust=request.trust,
    )
    best = (await plan_deals(conn, wanted, on_progress))[0]
    app, dataset, pool = best.offers
    limits = (request.appmaxprice, request.datasetmaxprice, request.workerpoolmaxprice)
    if any(order.price > limit for order, limit in zip((app, dataset, pool), limits, strict=True)):
        raise OrderRefused("the offers that are left cost more than those that this bag was quoted for.")
    return _record(best)


def _purchased(
    domain: OrderDomain, purchase: BagPurchase, deal: DealRecord, first: int, size: int = 0
) -> PurchasedTask:
    """Return the first task of a deal of this purchase, whose tasks begin at index ``first``."""
    app, dataset, pool = deal.orders
    terms = DealOrders(
        from_document(AppOrder, app),
        from_document(DatasetOrder, dataset),
        from_document(WorkerpoolOrder, pool),
        from_document(RequestOrder, purchase.request),
    )
    key = HpkeKey.from_bytes(bytes.fromhex(purchase.result_key))
    deal_of = deal_id(order_hash(terms.request, domain), first)
    return PurchasedTask(deal_of, task_id(deal_of, first), terms, key, tasks=size or deal.tasks, first=first)


def _record(deal: PlannedDeal) -> DealRecord:
    app, dataset, pool = deal.offers
    return DealRecord(orders=(to_document(app), to_document(dataset), to_document(pool)), tasks=deal.tasks)


def _dearest(deals: Sequence[PlannedDeal]) -> Offers:
    """Return orders whose prices bound the request: it is matched with every deal's orders."""
    apps, datasets, pools = zip(*(each.offers for each in deals), strict=True)
    return (
        max(apps, key=lambda order: order.price),
        max(datasets, key=lambda order: order.price),
        max(pools, key=lambda order: order.price),
    )


async def _seal(conn: Connection, job_input: JobInput) -> SealedInput:
    dek = os.urandom(32)
    sealed = await asyncio.to_thread(_sealed_bytes, job_input, dek)
    await conn.storage.put_bytes(sealed)
    return SealedInput(to_digest(sha256(sealed)), dek)


async def _store_public(conn: Connection, job_input: JobInput) -> Digest:
    packed = await asyncio.to_thread(job_input.pack)
    await conn.storage.put_bytes(packed)
    return to_digest(sha256(packed))


def _sealed_bytes(job_input: JobInput, dek: bytes) -> bytes:
    return container.seal_bytes(job_input.pack(), dek=dek, key_id=os.urandom(16))


async def _in_turn(work: Sequence[Coroutine[Any, Any, T]], what: str, on_progress: Progress) -> list[T]:
    """Await all, ``CONCURRENT`` at a time; the first error ends the others before it is raised."""
    limit = asyncio.Semaphore(CONCURRENT)
    on_progress(ProgressStep(what))

    async def one(each: Coroutine[Any, Any, T]) -> T:
        async with limit:
            return await each

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for each in work]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for each in work:
            each.close()
    return [each.result() for each in tasks]


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Say in an error which input of the bag it is about."""
    try:
        yield
    except InputMismatch as error:
        raise InputMismatch(error.check, f"{name}: {error.message}") from error
    except InputRefused as error:
        raise InputRefused(f"{name}: {error.message}") from error
