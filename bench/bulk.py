"""One task over many datasets, as iExec's client asks for it: from the match of the orders to the completed task."""

import asyncio
import base64
import hashlib
import io
import json
import os
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from bench import calibration
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row
from bench.jobs import JOB_SECONDS
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import asset_secret_digest
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import (
    BULK_VOLUME,
    NO_DATASET_ORDER,
    AnyOrder,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    WorkerpoolOrder,
    to_document,
)
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations import deploy, fetch_receipt
from sealgrid.sdk.operations.orders import cheapest_of, fresh_salt
from sealgrid.units import Address, TaskId, to_digest

BYTES = 1000  #: of each dataset
APP = """
import hashlib, json, os

folder, out = os.environ["IEXEC_IN"], os.environ["IEXEC_OUT"]
names = [os.environ[f"IEXEC_DATASET_{n + 1}_FILENAME"] for n in range(int(os.environ["IEXEC_BULK_SLICE_SIZE"]))]
hashes = [hashlib.sha256(open(os.path.join(folder, name), "rb").read()).hexdigest() for name in names]
with open(os.path.join(out, "result.json"), "w") as file:
    json.dump(hashes, file)
with open(os.path.join(out, "computed.json"), "w") as file:
    json.dump({"deterministic-output-path": os.path.join(out, "result.json")}, file)
"""


@dataclass(frozen=True)
class BulkOffers:
    """One dataset that may be used in bulk."""

    order: dict[str, str]
    sha256: str  #: of its content, which the app must find


async def measure(context: Context) -> Figure:
    network = await context.networks.current()
    async with (
        connect(network, development_key("developer")) as developer,
        connect(network, development_key("owner")) as owner,
        connect(network, development_key("requester")) as requester,
    ):
        app = (await deploy.deploy(developer, _app(context.folder / "bulk"), any_pool=True)).address
        offers = [await _offered(owner, app, number) for number in range(context.either(20, 100))]
        beside = calibration.cpu()
        rows = [await _rows(requester, app, offers[:size], context.either(1, 3), beside) for size in (1, len(offers))]
    return Figure("bulk", tuple(row for some in rows for row in some))


async def _rows(
    requester: Connection, app: Address, offers: list[BulkOffers], runs: int, beside: str
) -> tuple[Row, Row]:
    timed = [await _timed(requester, app, offers) for _ in range(runs)]
    label = f"{len(offers)} dataset{'s' if len(offers) > 1 else ''} in one task"
    seconds, sizes = (tuple(column) for column in zip(*timed, strict=True))
    return (
        Row(label=label, unit="s", samples=seconds, temperature="warm", calibration=beside),
        Row(label=f"{label}: receipt", unit="bytes", samples=sizes),
    )


async def _timed(requester: Connection, app: Address, offers: list[BulkOffers]) -> tuple[float, float]:
    """Return the seconds of one task, and the bytes of its receipt, once both result and receipt hold."""
    slices = [await _added(requester, [offer.order for offer in offers])]
    params = json.dumps({"bulk_cid": await _added(requester, slices)})
    begun = time.perf_counter()
    task = await _bought(requester, app, params)
    async with asyncio.timeout(JOB_SECONDS):
        while (view := await requester.hub.view_task(task)).status is not TaskStatus.COMPLETED:
            await asyncio.sleep(0.02)
    seconds = time.perf_counter() - begun
    receipt = await fetch_receipt.fetch_receipt(requester, task)
    if not (await fetch_receipt.verify_online(requester, receipt)).ok:
        raise NotMeasured("a receipt of a bulk's task does not verify.")
    await _expect_right(requester, json.loads(view.results)["location"], offers)
    return seconds, float(len(receipt))


async def _expect_right(requester: Connection, location: str, offers: list[BulkOffers]) -> None:
    async with httpx.AsyncClient() as client:
        archive = (await client.get(requester.network.storage_url + location)).raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(archive)) as result:
        if json.loads(result.read("result.json")) != [offer.sha256 for offer in offers]:
            raise NotMeasured("the app saw other datasets than the slice has.")


async def _offered(owner: Connection, app: Address, number: int) -> BulkOffers:
    """Register a dataset as iExec's SDK does it: encrypted, its key pushed, a free order without end for this app."""
    content, key, iv = os.urandom(BYTES), os.urandom(32), os.urandom(16)
    padder, cipher = PKCS7(128).padder(), Cipher(AES256(key), CBC(iv)).encryptor()
    sealed = iv + cipher.update(padder.update(content) + padder.finalize()) + cipher.finalize()
    checksum = await owner.storage.put_bytes(sealed)
    registry = Assets(owner.hub)
    dataset = await registry.create_dataset(
        owner.wallet, name=f"bulk {number}", multiaddr="/ipfs/bulk", checksum=checksum
    )
    await _push(owner, dataset, base64.b64encode(key))
    order = DatasetOrder(dataset=dataset, volume=BULK_VOLUME, tag=TEE_TAG, apprestrict=app, salt=fresh_salt())
    signed = to_document(sign_order(order, owner.order_domain, owner.key))
    return BulkOffers(signed, hashlib.sha256(content).hexdigest())


async def _push(owner: Connection, dataset: Address, value: bytes) -> None:
    signature = owner.key.sign(asset_secret_digest(dataset, to_digest(keccak256(value))))
    async with httpx.AsyncClient(base_url=owner.network.sms_url) as client:
        headers = {"authorization": "0x" + signature.hex()}
        query = {"secretAddress": dataset}
        (await client.post("/secrets/web3", params=query, content=value, headers=headers)).raise_for_status()


async def _added(conn: Connection, document: object) -> str:
    async with httpx.AsyncClient() as client:
        file = {"file": ("list", json.dumps(document).encode())}
        answer = await client.post(conn.network.storage_url + "/api/v0/add", files=file)
    return str(answer.raise_for_status().json()["Hash"])


async def _bought(requester: Connection, app: Address, params: str) -> TaskId:
    pool = await _cheapest(requester, WorkerpoolOrder, category=str(requester.network.short_category))
    sold = await _cheapest(requester, AppOrder, app=app)
    request = RequestOrder(
        app=app,
        appmaxprice=sold.appprice,
        workerpool=pool.workerpool,
        workerpoolmaxprice=pool.workerpoolprice,
        requester=requester.address,
        beneficiary=requester.address,
        tag=TEE_TAG,
        category=pool.category,
        params=params,
        salt=fresh_salt(),
    )
    signed = sign_order(request, requester.order_domain, requester.key)
    deal = await requester.hub.match_orders(requester.wallet, sold, NO_DATASET_ORDER, pool, signed)
    return task_id(deal, 0)


async def _cheapest(conn: Connection, kind: type[AnyOrder], **filters: str) -> AnyOrder:
    found = await conn.market.orders(kind.kind, requester=conn.address, minVolume="1", **filters)
    return cheapest_of(found, kind, kind.__name__, uses=1)


def _app(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text(APP)
    (folder / "app.toml").write_text('name = "bulk-hashes"\nversion = "1"\nentrypoint = ["app.py"]\n')
    return folder
