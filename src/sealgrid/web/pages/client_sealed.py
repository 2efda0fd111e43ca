"""JSON endpoints for runs and models that the browser seals and opens itself: keys never reach the site.

The vaults, the chain and the storage check what the browser sends; the browser checks what it receives
(docs/adr/0043).
"""

import asyncio

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.attestation.statements import InputGrant
from sealgrid.crypto.shares import KeyRecord
from sealgrid.errors import DealRefused, SealgridError
from sealgrid.poco.orders import to_document
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.money import sentence
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.client_sealed import (
    ClientSealedInput,
    ClientSealedModel,
    Document,
    match_signed,
    prepare_publication,
    prepare_purchase,
)
from sealgrid.sdk.operations.deposit import deposit_sealed_shares
from sealgrid.sdk.operations.open_result import openings
from sealgrid.sdk.operations.run_money import money_or_unknown
from sealgrid.units import TaskId
from sealgrid.web.forms import check_same_origin, parse_json, path_digest, path_task
from sealgrid.web.large_transfers import reserve
from sealgrid.web.pages.model_owner import sale_terms
from sealgrid.web.pages.wallet import parse_signature, require_wallet
from sealgrid.web.site import MAX_UPLOAD, Site, WebRequest, join_sentences
from sealgrid.web.wallets.signing_steps import order_typed_data, plan_reply, statement_typed_data, step_document
from sealgrid.wire.deposits import check_identity
from sealgrid.wire.server import json_response
from sealgrid.wire.vault import DepositRequest, OpenReply, VaultClient, VaultIdentity


class SealedShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sealed shares of an input's or a model's key, with the statements that its owner's wallet signed."""

    record: KeyRecord
    signature: str  #: 0x hex
    sealed: tuple[bytes, ...]  #: in the vaults' order; empty for a vault that did not answer
    grant: InputGrant | None = None  #: of an input
    grant_signature: str = ""
    policy: Policy | None = None  #: of a model
    policy_signature: str = ""


class SignedOrders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The four signed orders of a deal."""

    task: TaskId
    orders: tuple[Document, Document, Document, Document]


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers that buy_run.js, publish_model.js and open_result.js request."""
    return [*_storage_handlers(site), *_sale_handlers(site), *_result_handlers(site)]


def _storage_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet/files", status_code=200)
    async def store(request: WebRequest) -> Response[bytes]:
        check_same_origin(request)
        account = require_wallet(site, request)
        storage = site.conn.storage.through(*(node.stored_for(account) for node in site.conn.storage_nodes))
        return json_response({"sha256": await storage.put_bytes(await request.body())})

    @get("/wallet/files/{sha256:str}")
    async def fetch(sha256: FromPath[str], request: WebRequest) -> Response[bytes]:
        digest = path_digest(sha256)
        reserve(request.scope, min(await site.conn.storage.size(digest), MAX_UPLOAD))
        content = await site.conn.storage.get_bytes(digest, MAX_UPLOAD)
        return Response(content, media_type="application/octet-stream")

    @get("/wallet/vaults")
    async def vaults() -> Response[bytes]:
        members = zip(site.conn.vaults, site.conn.vault_addresses, strict=True)
        identities = await asyncio.gather(*(_read_identity(site, *member) for member in members))
        return json_response({"threshold": site.network.threshold, "broker": site.network.broker, "vaults": identities})

    @post("/wallet/deposits", status_code=204)
    async def deposit(request: WebRequest) -> None:
        shares = await parse_json(request, SealedShares)
        common = DepositRequest(
            record=shares.record,
            signature=parse_signature(shares.signature),
            index=0,
            sealed=b"",
            grant=shares.grant,
            grant_signature=parse_signature(shares.grant_signature),
            policy=shares.policy,
            policy_signature=parse_signature(shares.policy_signature),
        )
        # A model needs every vault, an input a threshold of them (docs/adr/0010).
        needed = len(site.network.vaults) if shares.grant is None else site.network.threshold
        await deposit_sealed_shares(site.conn, common, shares.sealed, needed)

    return [store, fetch, vaults, deposit]


def _sale_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet/runs", status_code=200)
    async def prepare_run(request: WebRequest) -> Response[bytes]:
        run_input = await parse_json(request, ClientSealedInput)
        conn, _ = recording_connection(site.conn, require_wallet(site, request))
        prepared = await prepare_purchase(conn, run_input)
        terms = prepared.terms
        run = {
            "document": {
                "genesis": site.network.genesis,
                "hub": site.network.hub,
                "account": terms.request.requester,
                "deal": prepared.deal,
                "task": prepared.task,
                "orders": [to_document(order) for order in (terms.app, terms.dataset, terms.workerpool, terms.request)],
            },
            "typed": {
                "record": statement_typed_data(site, prepared.record),
                "grant": statement_typed_data(site, prepared.grant),
                "request": order_typed_data(site, terms.request),
            },
            "price": str(Amount(terms.price)),
            "why": prepared.reason,
            "record": prepared.record,
            "grant": prepared.grant,
        }
        return json_response(run)

    @post("/wallet/runs/match", status_code=200)
    async def match_run(request: WebRequest) -> Response[bytes]:
        signed, buyer = await parse_json(request, SignedOrders), require_wallet(site, request)
        conn, steps = recording_connection(site.conn, buyer)
        await match_signed(conn, signed.orders)
        return plan_reply(site, buyer, steps, f"/tasks/{signed.task}")

    @post("/wallet/models", status_code=200)
    async def prepare_model(request: WebRequest) -> Response[bytes]:
        model, owner = await parse_json(request, ClientSealedModel), require_wallet(site, request)
        conn, steps = recording_connection(site.conn, owner)
        statements = await prepare_publication(conn, model)
        policy = statements.policy
        terms = sale_terms(policy.expiry, policy.uses_per_requester_hour)
        publication = {
            "document": {
                "genesis": site.network.genesis,
                "hub": site.network.hub,
                "account": statements.record.owner,
                "model": statements.model,
                "name": model.name,
                "checksum": model.sha256,
            },
            "typed": {
                "record": statement_typed_data(site, statements.record),
                "policy": statement_typed_data(site, statements.policy),
            },
            "record": statements.record,
            "policy": statements.policy,
            "steps": [step_document(site, owner, step) for step in steps],
            "next": f"/models/{statements.model}",
            "notice": join_sentences([f"{model.name} is sealed and for sale.", terms]),
        }
        return json_response(publication)

    return [prepare_run, match_run, prepare_model]


def _result_handlers(site: Site) -> list[HTTPRouteHandler]:
    @get("/wallet/results/{task:str}")
    async def result(task: FromPath[str]) -> Response[bytes]:
        envelope = parse_envelope(await fetch_receipt.fetch_receipt(site.conn, path_task(task)))
        body = envelope.receipt.body
        money = sentence(await money_or_unknown(site.conn, body.deal, body.task), commands=False)
        if envelope.refusal:
            raise DealRefused(envelope.refusal, refusal_message(envelope.refusal), money=money)
        replies = await openings(site.conn, envelope.settle)
        opened = [
            {
                "record": statement_typed_data(site, reply.record),
                "signature": "0x" + reply.signature.hex(),
                "index": reply.index,
                "sealed": reply.sealed,
            }
            for reply in replies
            if isinstance(reply, OpenReply) and reply.record
        ]
        refused = next((reply.message for reply in replies if isinstance(reply, SealgridError)), "")
        settle, ended = statement_typed_data(site, envelope.settle), body.exit_class
        return json_response({"settle": settle, "ended": ended, "openings": opened, "refused": refused, "money": money})

    return [result]


async def _read_identity(site: Site, client: VaultClient, address: str) -> dict[str, str] | None:
    """Return a vault's deposit key and signature, which the browser verifies too; None if unreachable or invalid."""
    try:
        identity: VaultIdentity = await client.identity()
        check_identity(identity, identity.address, site.conn.domain)
    except SealgridError:
        return None
    key, signature = "0x" + identity.deposit_key.hex(), "0x" + identity.signature.hex()
    return {"address": address, "key": key, "signature": signature}
