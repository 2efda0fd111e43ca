"""Sellers of a model that no buyer can use."""

import os

import msgspec

from attacks.attack import Outcome
from attacks.scene import MODEL, PRICE, Scene
from sealgrid.errors import CheckFailed, DealRefused
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, fetch_receipt, publish
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.run_request import RunRequest
from sealgrid.worker.job import JobRun


async def sell_a_model_that_does_not_open_twice(scene: Scene) -> Outcome:
    """Deposit another key than the one that the file was sealed with, and sell the model to one buyer after another."""
    folder, owner = scene.own_folder("unopened"), scene.owner
    (folder / "model").write_bytes(MODEL)
    stored: list[publish.SealedFile] = []
    model = await publish.publish(
        owner, folder / "model", name="unopened", apps=[scene.app.address], price=PRICE, store=stored.append
    )
    policy = (await owner.vaults[0].asset(model.address, owner.address)).policy
    await deposit(
        owner, os.urandom(len(stored[0].dek)), asset=model.address, file_sha256=model.checksum, version=2, policy=policy
    )
    first = await buy.run(
        scene.requester, RunRequest(scene.app.address, model=model.address, pool_order=scene.thief.order)
    )  # the control: PoCo pays the seller once
    await JobRun(await scene.thief.open_task(first), scene.thief.context).run()
    envelope = await fetch_receipt.fetch_receipt(scene.requester, first.task)
    assert parse_envelope(envelope).receipt.body.exit_class == "unopened"
    assert (await fetch_receipt.verify_online(scene.requester, envelope)).ok
    before = await scene.requester.hub.account(scene.requester.address)
    try:
        await buy.run(scene.requester, RunRequest(scene.app.address, model=model.address, pool_order=scene.thief.order))
    except DealRefused as refusal:
        if await scene.requester.hub.account(scene.requester.address) != before:
            return Outcome("", "", "the second buyer's money was locked")
        return Outcome("vaults", refusal.check, "the first buyer paid; no later deal is made with this key.")
    return Outcome("", "", "a second buyer could be made to pay for it")


async def sell_an_unproved_model(scene: Scene) -> Outcome:
    """Deposit a key that does not open the file, under a policy that asks for a proof, and sell it without one."""
    folder, owner, buyer = scene.own_folder("unproved"), scene.owner, scene.requester
    (folder / "model").write_bytes(MODEL)
    stored: list[publish.SealedFile] = []
    model = await publish.publish(
        owner, folder / "model", name="unproved", apps=[scene.app.address], price=PRICE, store=stored.append
    )
    policy = msgspec.structs.replace(model.policy, version=2, proved=True)
    await deposit(
        owner, os.urandom(len(stored[0].dek)), asset=model.address, file_sha256=model.checksum, version=2, policy=policy
    )
    before = await buyer.hub.account(buyer.address)
    try:
        await buy.run(buyer, RunRequest(scene.app.address, model=model.address, pool_order=scene.thief.order))
    except DealRefused:
        if await buyer.hub.account(buyer.address) != before:
            return Outcome("", "", "the buyer's money was locked")
    else:
        return Outcome("", "", "a buyer could be made to pay for it")
    paid = await owner.hub.account(owner.address)
    bought = await buy.run(
        buyer, RunRequest(scene.app.address, model=model.address, pool_order=scene.thief.order), preview=False
    )  # as a client does that asks no vault
    try:
        await JobRun(await scene.thief.open_task(bought), scene.thief.context).run()
    except CheckFailed as refusal:
        if await owner.hub.account(owner.address) == paid:
            return Outcome(
                "vaults", refusal.check, "its first buyer is refused before money moves; nobody pays for it."
            )
    return Outcome("", "", "the seller was paid by a client that asks no vault")
