"""Purchases and publications of a browser that seals its own files and signs with its own wallet.

This code gets ciphertext digests, commitments and public keys; secrets stay in the browser.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.chain.assets import Assets
from sealgrid.crypto.shares import KeyRecord, record_from_commitments
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder, from_document
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import nothing_bought_before
from sealgrid.sdk.operations.asset_names import check_name
from sealgrid.sdk.operations.buy import grant_of, input_asset, params_of
from sealgrid.sdk.operations.deal_terms import DealOrders, choose_offers, sign_request
from sealgrid.sdk.operations.manifests import runnable_manifest
from sealgrid.sdk.operations.own_names import next_name
from sealgrid.sdk.operations.preview import check_release
from sealgrid.sdk.operations.price import check_escrow, price_of
from sealgrid.sdk.operations.publish import (
    OUTPUT_BYTES,
    USES_PER_HOUR,
    allowances,
    check_expiry,
    first_policy,
    sell,
)
from sealgrid.sdk.operations.run_inputs import check_request_model, check_stored, public_signature
from sealgrid.sdk.progress import ProgressStep
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_bytes
from sealgrid.wire.storage import location

Document = dict[str, str]


class ClientSealedInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A buyer's description of an input that it sealed, and the run that it requests."""

    app: Address
    model: Address = ZERO_ADDRESS
    sha256: Digest  #: of the sealed input
    commitments: tuple[Digest, ...]  #: to the shares of its key, in the vaults' order
    result_key: Digest  #: the X25519 public key's 32 bytes
    pool: str = ""  #: as for ``Client.run``
    max_price: str = ""  #: the total that the buyer agreed to, for example "5 RLC"; empty without a limit


@dataclass(frozen=True, slots=True)
class PreparedPurchase:
    """The orders and statements that the buyer must sign, and the resulting task."""

    terms: DealOrders  #: the request is unsigned
    grant: InputGrant
    record: KeyRecord
    deal: DealId
    task: TaskId
    reason: str  #: for the choice of the pool; empty for a pinned one


async def prepare_purchase(conn: Connection, sealed: ClientSealedInput) -> PreparedPurchase:
    """Choose the cheapest offers and prepare what the account of ``conn`` must sign for one run.

    Raises InputMismatch where the app needs a model and none is named, or takes none; OrderRefused when there is no
    offer; NotFound for a model whose sealed file is gone; InputRefused while the escrow does not cover the price;
    InterpreterMismatch for an app that is built for another Python than the network's.
    """
    steps: list[ProgressStep] = []
    with nothing_bought_before(()):
        most = int(amount(sealed.max_price)) if sealed.max_price else None
        request = RunRequest(sealed.app, sealed.model, pool=sealed.pool, max_price=most)
        manifest = await runnable_manifest(conn, sealed.app)
        await check_stored(conn, sealed.model)
        check_request_model(manifest, request, await public_signature(conn, manifest, request))
        offers = await choose_offers(conn, request, steps.append)
        params = params_of(sealed.sha256, to_bytes(sealed.result_key, 32))
        terms = sign_request(conn, offers, request, params)
        await check_escrow(conn, price_of(offers, request.tasks), conn.address)
        grant = await grant_of(conn, sealed.sha256, terms)
        record = _record_of(conn, input_asset(sealed.sha256), sealed)
    deal = deal_id(grant.request, 0)  # the salt is fresh, so no use of this request was consumed before
    reason = "".join(step.what for step in steps if step.lasting)
    return PreparedPurchase(terms, grant, record, deal, task_id(deal, 0), reason)


async def match_signed(conn: Connection, orders: tuple[Document, Document, Document, Document]) -> None:
    """Send signed app, dataset, workerpool and request orders as one deal.

    Raises DealRefused when the vaults would refuse the deal.
    """
    app, dataset, workerpool, request = orders
    terms = DealOrders(
        from_document(AppOrder, app),
        from_document(DatasetOrder, dataset),
        from_document(WorkerpoolOrder, workerpool),
        from_document(RequestOrder, request),
    )
    with nothing_bought_before(()):
        await check_release(conn, terms)
    await conn.hub.send_match(conn.wallet, terms.app, terms.dataset, terms.workerpool, terms.request)


class ClientSealedModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner's description of a file that it sealed and stored, and the terms of sale."""

    name: str
    app: Address  #: the only app that may use it
    sha256: Digest  #: of the sealed file
    commitments: tuple[Digest, ...]  #: to the shares of its key, in the vaults' order
    price: str  #: per use, for example "0.5 RLC"
    uses: Annotated[int, msgspec.Meta(ge=1, lt=10**9)]
    expiry: int | None = None  #: Unix seconds at which the policy ends; by default after a year
    uses_per_requester_hour: Annotated[int, msgspec.Meta(ge=1, lt=10**9)] = USES_PER_HOUR


@dataclass(frozen=True, slots=True)
class KeyStatements:
    """The statements about its key that the owner must sign once the model is registered."""

    model: Address  #: its address, if the owner sends no other transaction before
    record: KeyRecord
    policy: Policy


async def prepare_publication(conn: Connection, sealed: ClientSealedModel) -> KeyStatements:
    """Register the model and offer its use as ``models.publish`` does; return the statements for its key.

    ``conn`` records steps for an external wallet. The owner deposits the key after the first step, before the offer.
    Raises InputRefused for a name that is not allowed, and for an expiry that has passed.
    """
    check_expiry(conn, sealed.expiry)
    assets = Assets(conn.hub)
    allowed = await allowances(conn, assets, [sealed.app], OUTPUT_BYTES, callback=False)
    name = await next_name(conn, "Dataset", check_name(sealed.name))
    model = await assets.send_dataset(conn.wallet, name=name, multiaddr=location(sealed.sha256), checksum=sealed.sha256)
    record = _record_of(conn, model, sealed)
    await sell(conn, model, price=int(amount(sealed.price)), uses=sealed.uses, app=sealed.app)
    policy = first_policy(
        conn, model, allowed, sealed.uses_per_requester_hour, expiry=sealed.expiry, direct=False, proved=False
    )
    return KeyStatements(model, record, policy)


def _record_of(conn: Connection, asset: Address, sealed: ClientSealedInput | ClientSealedModel) -> KeyRecord:
    return record_from_commitments(
        hub=conn.network.hub,
        asset=asset,
        owner=conn.address,
        version=1,
        file_sha256=sealed.sha256,
        t=conn.network.threshold,
        vaults=conn.vault_addresses,
        commitments=sealed.commitments,
    )
