"""Prove that a model's key opens its file before others buy its use: its owner buys one run at price 0 for the model.

If the policy is ``proved``, the vaults release a key to other accounts only after an enclave opened the file (7.23).
The run has an empty input; however the app ends, the run is settled and its receipt states that the file opened.
"""

from dataclasses import dataclass

from sealgrid.errors import AppFailed, InputRefused, OrderRefused, SealgridError
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import UNMATCHED, attach, nothing_bought_before, sentence
from sealgrid.sdk.operations import buy, fetch_receipt
from sealgrid.sdk.operations.deal_terms import choose_offers
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.operations.key_versions import views_of_quorum
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.operations.run_money import money_after, money_or_unknown, with_money
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address, TaskId

_WITHOUT_PROOF = "or skip the proof (--unproved, in Python unproved=True)"


@dataclass(frozen=True, slots=True)
class Proof:
    """The run that proved the key, and the vaults that do not know of it yet."""

    task: TaskId
    price: int  #: nRLC for app and computing
    unreached: tuple[str, ...]  #: one sentence a vault that still refuses other requesters


async def check_provable(conn: Connection, app: Address, on_progress: Progress = ignore_progress) -> int:
    """Report and return the price of the proof in nRLC; raise before anything is published if it cannot be bought.

    Raises OrderRefused when app or computing is not offered, InputRefused while the escrow does not cover the price.
    """
    with nothing_bought_before(()):
        try:
            app_order, _, pool = await choose_offers(conn, RunRequest(app))
        except OrderRefused as error:
            raise OrderRefused(
                f"the run that proves that the model opens cannot be bought: {error.reason} "
                f"Name another app, {_WITHOUT_PROOF}."
            ) from error
        price = app_order.price + pool.price
        free = (await conn.hub.account(conn.address)).stake
        if free < price:
            raise InputRefused(
                f"the run that proves that the model opens costs {Amount(price)}, and {Amount(free)} are free in "
                f"escrow; deposit first, {_WITHOUT_PROOF}."
            )
    on_progress(
        ProgressStep(f"a run of yours proves that the model opens, before it is offered: {Amount(price)}", lasting=True)
    )
    return price


async def prove(conn: Connection, model: Address, app: Address, on_progress: Progress = ignore_progress) -> Proof:
    """Buy the run, wait for it, and verify that the file opened.

    Raises AppFailed when the file does not open with the vaults' key or the run ended before, HostFailed when no
    machine finished it. Every error says where the price of the run is.
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
        job = await buy.run(
            conn,
            RunRequest(app, model=model, model_order=signed),
            store=sent.append,
            on_progress=on_progress,
            check_inputs=False,  # the run proves that the file opens, and the app may refuse to work without input
        )
    except SealgridError as error:
        attach(error, await money_after(conn, error, sent[0].deal, sent[0].task) if sent else UNMATCHED)
        raise
    on_progress(ProgressStep("waiting for an enclave to open it"))
    await follow(conn, job)
    async with with_money(conn, job.deal, job.task):
        envelope = parse_envelope(await fetch_receipt.fetch_receipt(conn, job.task))
        fetch_receipt.check_own(envelope, job.terms.request, conn.order_domain)
    # Without commands: the key of this result is not stored.
    money = sentence(await money_or_unknown(conn, job.deal, job.task), commands=False)
    body = envelope.receipt.body
    if body.exit_class == "unopened":
        raise AppFailed(
            "the sealed file does not open with the key that the vaults have; publish it again.", money=money
        )
    if body.opened is not True:
        raise AppFailed("the run ended before the model was opened and proves nothing; prove it again.", money=money)
    views = await views_of_quorum(conn, model, conn.address)
    unreached = tuple(
        f"vault {vault} does not know yet that the model opens and refuses its key to others: "
        f"prove it again once that vault answers (sealgrid model prove {model})."
        for vault, view in zip(conn.vault_addresses, views, strict=True)
        if view is None or not view.opened
    )
    return Proof(job.task, job.terms.price, unreached)


async def prove_new_key(
    conn: Connection, model: Address, app: Address, on_progress: Progress = ignore_progress
) -> None:
    """Prove a key that was just deposited; errors say how to continue."""
    try:
        proof = await prove(conn, model, app, on_progress)
    except AppFailed:
        raise
    except SealgridError as error:
        error.sentence, error.hint = error.message, ""
        error.sentence += (
            f" The vaults have the key of {model} and release it to other accounts only after: sealgrid model prove "
            f"{model} --app {app}. Then make the missing offers: sealgrid model offer {model}."
        )
        raise
    for line in proof.unreached:
        on_progress(ProgressStep(line, lasting=True))


async def check_proved(conn: Connection, model: Address) -> None:
    """Raise OrderRefused for an own model whose key too few vaults would release, because it was never proved."""
    views = await views_of_quorum(conn, model, conn.address)
    unproved = [view for view in views if view and view.policy and view.policy.proved is True and not view.opened]
    if len(unproved) > len(views) - conn.network.threshold:
        raise OrderRefused(
            f"the vaults release the key of {model} to no other account, because no enclave opened it yet; first: "
            f"sealgrid model prove {model}."
        )
