"""Buy one or several runs of an app: seal the input, sign the request, make the deal."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from sealgrid.attestation.statements import InputGrant
from sealgrid.attestation.task_inputs import TaskInputs
from sealgrid.chain.assets import Assets
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto import container
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import ChainError, ContractReverted, NotFound
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.concurrency import both
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.deal_terms import DealOrders, choose_offers, sign_request
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.preview import check_release
from sealgrid.sdk.operations.price import Offers, check_escrow, price_of
from sealgrid.sdk.operations.run_inputs import check_purchase, job_input_of
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address, DealId, Digest, TaskId, to_address, to_bytes, to_digest


@dataclass(frozen=True, slots=True)
class PurchasedTask:
    """A task whose price is in escrow, and the key that opens its result."""

    deal: DealId
    task: TaskId
    terms: DealOrders
    result_key: HpkeKey = field(repr=False)
    tasks: int = 1  #: in the deal; all share this key
    first: int = 0  #: index of the deal's first task

    def all_tasks(self) -> tuple["PurchasedTask", ...]:
        """Return every task of the deal, including this one."""
        indexes = range(self.first, self.first + self.tasks)
        return tuple(replace(self, task=task_id(self.deal, index)) for index in indexes)


async def run(
    conn: Connection,
    request: RunRequest,
    *,
    sponsor: Wallet | None = None,
    store: Callable[[PurchasedTask], None] = lambda job: None,
    on_progress: Progress = ignore_progress,
    preview: bool = True,
    check_inputs: bool = True,
) -> PurchasedTask:
    """Buy the runs of a request and return the first task; arguments, files and secrets go into one sealed input.

    A ``callback`` contract gets what the app publishes for it, in the clear, or no bytes when the app failed. Requester
    and worker have these data before anything is paid and may then let the task expire. The returned task counts the
    tasks that were sold, which are fewer when other buyers were quicker.

    ``sponsor`` pays from its escrow instead of this account. ``store`` is called with the task before the deal is sent:
    what it stores survives a crash of this process. ``on_progress`` is called with each step until the deal is on
    chain. Without ``preview`` the vaults are not consulted first, and a deal that they refuse is bought. Without
    ``check_inputs`` the app gets inputs that its specification does not take: an owner's proof needs no input.

    Raises as ``check_purchase``, InputRefused while the escrow does not cover the price, OrderRefused when app, model
    or computing is not offered or costs too much, and DealRefused, before money moves, when the vaults would refuse.
    """
    await check_purchase(conn, request, on_progress, check_inputs=check_inputs)
    on_progress(ProgressStep("choosing the cheapest offers"))
    offers = await choose_offers(conn, request, on_progress)
    price = price_of(offers, request.tasks)
    await check_escrow(conn, price, conn.address if sponsor is None else sponsor.address)
    result_key = HpkeKey.generate()
    if not request.tee:
        on_progress(ProgressStep(f"storing the public input of a run for {price}"))
        terms = await _public_terms(conn, request, offers)
        deal = deal_id(order_hash(terms.request, conn.order_domain), 0)
        job = PurchasedTask(deal=deal, task=task_id(deal, 0), terms=terms, result_key=result_key, tasks=request.tasks)
        return await _make_deal(conn, job, sponsor, store, on_progress)
    on_progress(ProgressStep(f"sealing the input of a run for {price}"))
    dek = os.urandom(32)
    sealed = container.seal_bytes(job_input_of(request).pack(), dek=dek, key_id=os.urandom(16))
    input_sha256 = to_digest(sha256(sealed))
    params = params_of(
        input_sha256, result_key.public, request.public_args, deferred_callback=request.deferred_callback
    )
    terms = sign_request(conn, offers, request, params)
    grant = await grant_of(conn, input_sha256, terms)
    on_progress(ProgressStep("storing the sealed input and depositing its key"))
    enough = conn.network.threshold
    await both(
        conn.storage.put_bytes(sealed),
        deposit(conn, dek, asset=input_asset(input_sha256), file_sha256=input_sha256, grant=grant, at_least=enough),
    )
    if preview:
        on_progress(ProgressStep("asking the vaults whether they will release the keys"))
        await check_release(conn, terms, on_progress)
    deal = deal_id(grant.request, 0)  # the salt is fresh, so no use of this request was consumed before
    job = PurchasedTask(deal=deal, task=task_id(deal, 0), terms=terms, result_key=result_key, tasks=request.tasks)
    return await _make_deal(conn, job, sponsor, store, on_progress)


async def _make_deal(
    conn: Connection,
    job: PurchasedTask,
    sponsor: Wallet | None,
    store: Callable[[PurchasedTask], None],
    on_progress: Progress,
) -> PurchasedTask:
    store(job)
    on_progress(ProgressStep("making the deal on the chain"))
    await match(conn, job, sponsor)
    if job.tasks == 1:
        return job
    sold = (await conn.hub.view_deal(job.deal)).bot_size
    if sold < job.tasks:  # the unsold rest could be sold later
        await conn.hub.cancel(conn.wallet, job.terms.request)
    return replace(job, tasks=sold)


async def _public_terms(conn: Connection, request: RunRequest, offers: Offers) -> DealOrders:
    """Store the input as it is, and sign a request that names its digest; there is no key for the result."""
    packed = job_input_of(request).pack()
    await conn.storage.put_bytes(packed)
    return sign_request(conn, offers, request, params_of(to_digest(sha256(packed)), bytes(32), request.public_args))


async def match(conn: Connection, job: PurchasedTask, sponsor: Wallet | None) -> None:
    """Match the orders; a deal that another account made of the same request is the same deal."""
    terms, hub = job.terms, conn.hub
    send, wallet = (hub.match_orders, conn.wallet) if sponsor is None else (hub.sponsor_match_orders, sponsor)
    try:
        made = await send(wallet, terms.app, terms.dataset, terms.workerpool, terms.request)
    except ContractReverted:
        if await payer(conn, job.deal) is None:
            raise
        return
    if made != job.deal:
        raise ChainError(f"the chain made deal {made} instead of the signed deal {job.deal}.", money="")


async def payer(conn: Connection, deal: DealId) -> Address | None:
    """Return the account whose escrow pays for a deal and gets refunds; None while the chain has no such deal."""
    try:
        return (await conn.hub.view_deal(deal)).sponsor
    except NotFound:
        return None


def params_of(
    input_sha256: Digest | None,
    result_key: bytes,
    public_args: str = "",
    *,
    deferred_callback: bool = False,
    task_inputs: TaskInputs | None = None,
) -> str:
    """Return the request's public JSON: the digest of the sealed input, if any, and the X25519 key for the result.

    ``task_inputs`` has the root of the inputs of single tasks.
    """
    inputs = [] if input_sha256 is None else [input_sha256]
    own: dict[str, object] = {"inputs": inputs, "result_key": "0x" + result_key.hex()}
    if task_inputs is not None:
        own["task_inputs"] = msgspec.to_builtins(task_inputs)
    ours = {"sealgrid": own | {"callback": "deferred"} if deferred_callback else own}
    return json.dumps({"iexec_args": public_args} | ours if public_args else ours, separators=(",", ":"))


async def grant_of(conn: Connection, input_sha256: Digest, terms: DealOrders) -> InputGrant:
    """Return the grant that allows the app of these terms, at its present code, to read a sealed input."""
    return InputGrant(
        owner=conn.address,
        file_sha256=input_sha256,
        app=await Assets(conn.hub).checksum("App", terms.app.app),
        request=order_hash(terms.request, conn.order_domain),
    )


def input_asset(input_sha256: Digest) -> Address:
    """Return the address that a sealed input's key record names as its asset: the first 20 bytes of its hash."""
    return to_address(to_bytes(input_sha256, 32)[:20])
