"""Prove that a model's key opens its file, before others may buy its use: its owner buys one run of it, for nothing.

The vaults refuse strangers a key that no enclave opened the file with, where the owner's policy is ``proved`` (7.23).
Whatever the app makes of an empty input, the run is settled, and its receipt says that the file opened.
"""

from dataclasses import dataclass

from sealgrid.errors import AppFailed, InputRefused, OrderRefused, SealgridError
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.receipt import ReceiptBody, parse_envelope
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import UNMATCHED, attach, nothing_bought_before, sentence
from sealgrid.sdk.operations import buy, fetch_receipt
from sealgrid.sdk.operations.deal_terms import offers_for
from sealgrid.sdk.operations.key_versions import views_heard
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.operations.run_money import money_after, money_or_unknown, with_money
from sealgrid.sdk.progress import Progress, ProgressStep, silent
from sealgrid.units import ZERO_ADDRESS, Address, TaskId
from sealgrid.wire.vault import AssetView

WITHOUT = "or leave the proof out (--unproved, in Python unproved=True)"


@dataclass(frozen=True, slots=True)
class Proof:
    """What an own run proved, and who does not know it."""

    task: TaskId
    price: int  #: nRLC that app and computing cost
    unreached: tuple[str, ...]  #: a sentence for each vault that still refuses other requesters


async def expect_provable(conn: Connection, app: Address, progress: Progress = silent) -> int:
    """Return what the run costs, in nRLC; say it, and raise before anything is published where it cannot be bought.

    Raises OrderRefused where nobody offers the app or computing, InputRefused while the escrow does not hold the price.
    """
    with nothing_bought_before(()):
        price = await _price(conn, app)
    progress(
        ProgressStep(f"an own run proves that the model opens, before it is offered: {Amount(price)}", lasting=True)
    )
    return price


async def _price(conn: Connection, app: Address) -> int:
    try:
        app_order, _, pool = await offers_for(conn, app, ZERO_ADDRESS, 1, category=None, pool=None)
    except OrderRefused as error:
        raise OrderRefused(
            f"the run that proves that the model opens cannot be bought: {error.reason} Name another app, {WITHOUT}."
        ) from error
    price = app_order.appprice + pool.workerpoolprice
    free = (await conn.hub.account(conn.address)).stake
    if free < price:
        raise InputRefused(
            f"the run that proves that the model opens costs {Amount(price)}, and {Amount(free)} are free in escrow; "
            f"deposit first, {WITHOUT}."
        )
    return price


async def prove(conn: Connection, model: Address, app: Address, progress: Progress = silent) -> Proof:
    """Buy the run, wait for it, and return what it proved.

    Raises AppFailed where the file does not open with the key that the vaults have, or where the app's own secret ended
    the run before; HostFailed where no machine finished it. Every error says where the price of the run is.
    """
    order = DatasetOrder(
        dataset=model,
        datasetprice=0,
        volume=1,
        tag=TEE_TAG,
        apprestrict=app,
        requesterrestrict=conn.address,
        salt=fresh_salt(),
    )
    signed = sign_order(order, conn.order_domain, conn.key)
    sent: list[buy.PurchasedTask] = []
    try:
        job = await buy.run(conn, app, model=model, model_order=signed, keep=sent.append, progress=progress)
    except SealgridError as error:
        attach(error, await money_after(conn, error, sent[0].deal, sent[0].task) if sent else UNMATCHED)
        raise
    progress(ProgressStep("waiting for an enclave to open it"))
    await buy.follow(conn, job)
    async with with_money(conn, job.deal, job.task):
        envelope = parse_envelope(await fetch_receipt.fetch_receipt(conn, job.task))
        fetch_receipt.check_own(envelope, job.terms.request, conn.order_domain)
    # Without commands: nobody keeps the key of a result that says nothing.
    _expect_opened(envelope.receipt.body, sentence(await money_or_unknown(conn, job.deal, job.task), commands=False))
    views = await views_heard(conn, model, conn.address)
    unreached = tuple(
        f"vault {vault} does not know yet that the model opens, and refuses its key to others: "
        f"prove it again once that vault answers (sealgrid model prove {model})."
        for vault, view in zip(conn.vault_addresses, views, strict=True)
        if view is None or not view.opened
    )
    return Proof(job.task, job.terms.price, unreached)


async def prove_or_say_how(conn: Connection, model: Address, app: Address, progress: Progress = silent) -> None:
    """Prove a key that the vaults just got; errors say how to go on, ``progress`` hears of vaults that miss it."""
    try:
        proof = await prove(conn, model, app, progress)
    except AppFailed:
        raise
    except SealgridError as error:
        error.message += (
            f" The vaults have the key of {model}, and give it to nobody else until: sealgrid model prove {model} "
            f"--app {app}. Offers that are not made yet come after that: sealgrid model offer {model}."
        )
        raise
    for line in proof.unreached:
        progress(ProgressStep(line, lasting=True))


async def expect_proved(conn: Connection, model: Address) -> None:
    """Raise OrderRefused for an own model that too few vaults would give to a buyer, since it was never proved."""
    views = await views_heard(conn, model, conn.address)
    waiting = [each for each in views if each is not None and _waits(each)]
    if len(waiting) > len(views) - conn.network.threshold:
        raise OrderRefused(
            f"the vaults give the key of {model} to nobody else, since no enclave opened it yet; first: "
            f"sealgrid model prove {model}."
        )


def _waits(view: AssetView) -> bool:
    return view.policy is not None and view.policy.proved is True and not view.opened


def _expect_opened(body: ReceiptBody, money: str) -> None:
    if body.exit_class == "unopened":
        raise AppFailed("the sealed file does not open with the key that the vaults have; publish anew.", money=money)
    if body.opened is not True:
        raise AppFailed("the run ended before the model was opened, so it proves nothing; prove it anew.", money=money)
