"""A worker that chooses which datasets the result of a bulk covers."""

import json

import msgspec

from attacks.attack import Outcome, refused
from attacks.lying_workers import RELEASES
from attacks.scene import Scene
from sealgrid.crypto.digests import cid_of
from sealgrid.poco.orders import BULK_VOLUME, NO_DATASET_ORDER, DatasetOrder, to_document
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.units import ZERO_ADDRESS
from sealgrid.wire.vault import BulkDocuments, ReleaseRequest
from sealgrid.worker.job import JobRun


async def run_a_bulk_over_nothing(scene: Scene) -> Outcome:
    """Have the vaults ask the hub in a block from before the deal, in which it lets the deal use no dataset."""
    before = (await scene.requester.node.block()).number

    class BackdatingJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            if path == RELEASES:
                mine = msgspec.json.decode(body, type=ReleaseRequest)
                assert isinstance(mine.bulk, BulkDocuments)
                backdated = msgspec.structs.replace(mine.bulk, block=before)
                body = msgspec.json.encode(msgspec.structs.replace(mine, bulk=backdated))
            return await super().vault(index, path, body)

    job = await _bought(scene)
    return await refused("vaults", BackdatingJob(await scene.thief.open_task(job), scene.thief.context).run())


async def _bought(scene: Scene) -> PurchasedTask:
    """Have the requester buy a run over a bulk of one dataset from the thief's pool."""
    usual, conn = await scene.bought(), scene.requester
    params = json.dumps({"bulk_cid": await _laid_down(scene)})
    request = msgspec.structs.replace(usual.terms.request, dataset=ZERO_ADDRESS, params=params, salt=fresh_salt())
    signed = sign_order(request, conn.order_domain, conn.key)
    deal = await conn.hub.match_orders(conn.wallet, usual.terms.app, NO_DATASET_ORDER, scene.thief.order, signed)
    return PurchasedTask(deal, await scene.first_task(deal), usual.terms, usual.result_key)


async def _laid_down(scene: Scene) -> str:
    owner = scene.owner
    order = DatasetOrder(
        dataset=scene.model, volume=BULK_VOLUME, tag=TEE_TAG, apprestrict=scene.app.address, salt=fresh_salt()
    )
    signed = to_document(sign_order(order, owner.order_domain, owner.key))
    own = cid_of(await owner.storage.put_bytes(json.dumps([signed]).encode()))
    return cid_of(await owner.storage.put_bytes(json.dumps([own]).encode()))
