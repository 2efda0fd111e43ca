"""Requesters whose input harms the owner of the model or the pool."""

import hashlib
import io
import json
import os
import zipfile

from attacks.attack import Outcome, harmless
from attacks.scene import HASHER, MODEL, PRICE, Scene
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto import container
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result, publish
from sealgrid.sdk.operations.buy import PurchasedTask, grant_of, input_asset, params_of
from sealgrid.sdk.operations.deal_terms import choose_offers, sign_request
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import to_digest
from sealgrid.worker.job import JobRun

FORGED = b"weights that the requester likes better"
TELLS_THE_WORLD = """
import hashlib, json, os
with open(os.path.join(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"]), "rb") as file:
    digest = hashlib.sha256(file.read()).hexdigest()
with open(os.path.join(os.environ["IEXEC_OUT"], "computed.json"), "w") as file:
    json.dump({"callback-data": "0x" + digest}, file)
"""


async def swap_the_model_by_a_name(scene: Scene) -> Outcome:
    """Name an input file like the model, so that the app reads it instead and the receipt vouches for it."""
    job = await buy.run(
        scene.requester,
        RunRequest(scene.app.address, model=scene.model, files=[(scene.model, FORGED)], pool_order=scene.thief.order),
    )
    opened, _ = await _ended(scene, job)
    result = opened.json()
    assert isinstance(result, dict)
    return _over_the_true_model(result["dataset"] == hashlib.sha256(MODEL).hexdigest())


async def swap_the_model_of_a_callback(scene: Scene) -> Outcome:
    """Do so with a deal whose result a contract on the chain believes."""
    folder = scene.own_folder("oracle")
    (folder / "main.py").write_text(TELLS_THE_WORLD)
    (folder / "app.toml").write_text((HASHER / "app.toml").read_text().replace("hash-file", "oracle"))
    (folder / "README.md").write_text("")
    app = await deploy.deploy(scene.developer, folder)
    (folder / "model").write_bytes(MODEL)
    model = await publish.publish(
        scene.owner, folder / "model", name="oracle", apps=[app.address], price=PRICE, callback=True
    )
    job = await buy.run(
        scene.requester,
        RunRequest(
            app.address,
            model=model.address,
            files=[(model.address, FORGED)],
            callback=scene.network.token,
            pool_order=scene.thief.order,
        ),
    )
    await JobRun(await scene.thief.open_task(job), scene.thief.context).run()
    digest = (await scene.requester.hub.view_task(job.task)).result_digest
    return _over_the_true_model(digest == to_digest(keccak256(hashlib.sha256(MODEL).digest())))


async def have_the_pool_fined(scene: Scene) -> Outcome:
    """Seal an input that no app can be given, so that no machine finishes the task and the pool loses its stake."""
    settings = {"schema": "sealgrid/input/1", "args": [], "files": [], "secrets": {"=": "a name that no variable has"}}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("input.json", json.dumps(settings))
    opened, paid = await _ended(scene, await _bought_with(scene, archive.getvalue()))
    if opened.exit != -1 or not paid:
        return Outcome("", "", "the task was not settled as the input's failure")
    check, _, message = opened.log.partition(" ")
    return Outcome("enclave", check.strip("()"), f"settled, the pool is paid: {message}")


async def end_the_app_by_a_signal(scene: Scene) -> Outcome:
    """Run an app of one's own that kills itself, so that no machine finishes the task and the pool loses its stake."""
    folder = scene.own_folder("suicide")
    (folder / "main.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    (folder / "app.toml").write_text('name = "suicide"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    app = await deploy.deploy(scene.developer, folder)
    job = await buy.run(scene.requester, RunRequest(app.address, pool_order=scene.thief.order))
    opened, _ = await _ended(scene, job)
    status = (await scene.requester.hub.view_task(job.task)).status
    if opened.exit == 0 or status is not TaskStatus.COMPLETED:
        return Outcome("", "", "the task was not settled as the app's failure")
    return Outcome("enclave", "end.2", f"settled, the pool keeps its stake: {opened.log.strip()}")


async def _bought_with(scene: Scene, archive: bytes) -> PurchasedTask:
    """Buy a run whose sealed input is made by no code of ours."""
    conn, key, dek = scene.requester, HpkeKey.generate(), os.urandom(32)
    sha256 = await conn.storage.put_bytes(container.seal_bytes(archive, dek=dek, key_id=os.urandom(16)))
    request = RunRequest(scene.app.address, scene.model, pool_order=scene.thief.order)
    offers = await choose_offers(conn, request)
    terms = sign_request(conn, offers, request, params_of(sha256, key.public))
    grant = await grant_of(conn, sha256, terms)
    await deposit(
        conn, dek, asset=input_asset(sha256), file_sha256=sha256, grant=grant, at_least=conn.network.threshold
    )
    deal = await conn.hub.match_orders(conn.wallet, terms.app, terms.dataset, terms.workerpool, terms.request)
    return PurchasedTask(deal, await scene.first_task(deal), terms, key)


async def _ended(scene: Scene, job: PurchasedTask) -> tuple[open_result.RunResult, bool]:
    """Run a job at a worker that does not lie; return its result, and whether the pool was paid."""
    await JobRun(await scene.thief.open_task(job), scene.thief.context).run()
    envelope = parse_envelope(await fetch_receipt.fetch_receipt(scene.requester, job.task))
    opened = await open_result.open_result(scene.requester, envelope.settle, job.result_key)
    return opened, bool(await scene.requester.hub.payments(job.task))


def _over_the_true_model(true: bool) -> Outcome:
    if not true:
        return Outcome("", "", "the app read the requester's file as the model")
    return harmless("enclave", "The app read the owner's model; the requester's file lies in another folder.")
