"""Datasets and deals in the form of iExec's own client."""

import asyncio
import base64
import hashlib
import io
import json
import os
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from sealgrid.chain.assets import Assets
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import asset_secret_digest
from sealgrid.crypto.shares import record_from_shares, split
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.operations.follow import history
from sealgrid.sdk.operations.orders import cheapest_of, fresh_salt
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId, to_digest
from sealgrid.wire.shares import seal_share
from sealgrid.wire.vault import IexecDeposit

TABLE = b"age,km\n31,12\n"
SECONDS = 90


@dataclass(frozen=True)
class IexecAssets:
    app: Address
    dataset: Address


def encrypt_as_iexec(content: bytes, key: bytes) -> bytes:
    """Encrypt with AES-256-CBC and PKCS#7, the IV first, as the SDK's ``dataset.encrypt`` does."""
    iv, padder = os.urandom(16), PKCS7(128).padder()
    cipher = Cipher(AES256(key), CBC(iv)).encryptor()
    return iv + cipher.update(padder.update(content) + padder.finalize()) + cipher.finalize()


async def push(conn, dataset: Address, file_sha256: str, key: bytes, *, split_key: bytes | None = None) -> None:
    """Deposit shares of a key, with the owner's signature over its hash; ``split_key`` is another key that is split instead."""
    value_hash = to_digest(keccak256(base64.b64encode(key)))
    signature = conn.key.sign(asset_secret_digest(dataset, value_hash))
    shares = split(split_key or key, len(conn.vaults), conn.network.threshold, os.urandom)
    record = record_from_shares(
        hub=conn.network.hub,
        asset=dataset,
        owner=conn.address,
        version=1,
        file_sha256=to_digest(file_sha256),
        t=conn.network.threshold,
        vaults=conn.vault_addresses,
        shares=shares,
    )
    for vault, share in zip(conn.vaults, shares, strict=True):
        sealed = seal_share(share, (await vault.identity()).deposit_key, record.digest(conn.domain))
        await vault.deposit_iexec(
            IexecDeposit(record=record, value_hash=value_hash, signature=signature, index=share.index, sealed=sealed)
        )


async def deploy_dataset(
    owner, name: str, *, content: bytes = TABLE, storing: bool = True, pushing: bool = True, **pushed: Any
) -> Address:
    """Register a dataset as the SDK does; store its file at the storage node and push its key to the vaults."""
    key = os.urandom(32)
    sealed = encrypt_as_iexec(content, key)
    checksum = to_digest(hashlib.sha256(sealed).digest())
    if storing:
        await owner.storage.put_bytes(sealed)
    dataset = await Assets(owner.hub).create_dataset(owner.wallet, name=name, multiaddr="/ipfs/x", checksum=checksum)
    if pushing:
        await push(owner, dataset, checksum, key, **pushed)
    return dataset


async def cheapest(conn, kind: type[Any], **filters: str) -> Any:
    found = await conn.market.orders(kind.kind, requester=conn.address, minVolume="1", **filters)
    return cheapest_of(found, kind, kind.__name__, uses=1)


async def buy_deal(
    people, app: Address, dataset: Address, params: dict[str, Any], *, tasks: int = 1, **restricted: Any
) -> DealId:
    """Match four orders; the request's params have no ``sealgrid`` key, as those of iExec's SDK."""
    requester, hub = people.requester, people.requester.hub
    category = str(requester.network.short_category)
    pool = await cheapest(requester, WorkerpoolOrder, category=category)
    app_order = await cheapest(requester, AppOrder, app=app)
    data_order = NO_DATASET_ORDER
    if dataset != ZERO_ADDRESS:
        unsigned = DatasetOrder(
            dataset=dataset, volume=1, tag=TEE_TAG, salt=fresh_salt(), **{"apprestrict": app} | restricted
        )
        data_order = sign_order(unsigned, people.owner.order_domain, people.owner.key)
    request = RequestOrder(
        app=app,
        appmaxprice=app_order.appprice,
        dataset=dataset,
        workerpool=pool.workerpool,
        workerpoolmaxprice=pool.workerpoolprice,
        requester=requester.address,
        beneficiary=requester.address,
        volume=tasks,
        tag=TEE_TAG,
        category=pool.category,
        params=json.dumps(params),
        salt=fresh_salt(),
    )
    signed = sign_order(request, requester.order_domain, requester.key)
    return await hub.match_orders(requester.wallet, app_order, data_order, pool, signed)


async def wait_ended(conn, task: TaskId) -> tuple[TaskStatus, str]:
    """Wait until a task is completed or the pool reports it as failed; return its status and the last stage's detail."""
    async with asyncio.timeout(SECONDS):
        while True:
            view, stages = await conn.hub.view_task(task), await history(conn, task)
            if view.status is TaskStatus.COMPLETED or (stages and stages[-1].stage == "failed"):
                return view.status, stages[-1].detail if stages else ""
            await asyncio.sleep(0.2)


async def download_result(conn, task: TaskId) -> zipfile.ZipFile:
    """Download a result as the SDK does: by the location on the chain."""
    location = json.loads((await conn.hub.view_task(task)).results)
    assert location["storage"] == "ipfs"
    async with httpx.AsyncClient() as client:
        answer = await client.get(conn.network.storage_url + location["location"])
    return zipfile.ZipFile(io.BytesIO(answer.raise_for_status().content))
