"""What the visitor's browser seals and opens itself: ciphertext and signed statements pass, keys never do.

Whatever comes from a browser is checked by whom it is for: the vaults, the chain and the storage. What goes to it, it
checks itself (docs/adr/0070).
"""

import asyncio
from typing import Any

import msgspec
from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.attestation.statements import InputGrant
from sealgrid.crypto.shares import KeyRecord
from sealgrid.errors import DealRefused, NotFound, SealgridError
from sealgrid.poco.orders import to_document
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.external_wallet import on_paper
from sealgrid.sdk.money import sentence
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.client_sealed_models import ClientSealedModel, KeyStatements, plan
from sealgrid.sdk.operations.client_sealed_runs import (
    ClientSealedInput,
    Document,
    PreparedPurchase,
    match,
    prepare,
)
from sealgrid.sdk.operations.deposit import pass_on
from sealgrid.sdk.operations.open_result import openings
from sealgrid.sdk.operations.run_money import money_or_unknown
from sealgrid.units import Digest, TaskId, to_digest
from sealgrid.web.forms import MOST_UPLOAD, expect_own_page, json_of
from sealgrid.web.pages.wallet import own_wallet, signature_of
from sealgrid.web.signing_steps import planned, shown, typed_order, typed_statement
from sealgrid.web.site import Ask, Site
from sealgrid.wire.deposits import check_identity
from sealgrid.wire.vault import DepositRequest, OpenReply, VaultClient, VaultIdentity


class SealedShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key, split and sealed to the vaults, as its owner's wallet signed for it: an input's or a model's."""

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
    """Return the handlers that a page's script asks."""
    return [*_files(site), *_keys(site), *_buying(site), *_publishing(site), *_opening(site)]


def _files(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet/files", status_code=200)
    async def store(request: Ask) -> Response[bytes]:
        expect_own_page(request)
        own_wallet(site, request)
        return _json({"sha256": await site.reader.storage.put_bytes(await request.body())})

    @get("/wallet/files/{sha256:str}")
    async def fetch(sha256: str) -> Response[bytes]:
        content = await site.reader.storage.get_bytes(_digest(sha256), MOST_UPLOAD)
        return Response(content, media_type="application/octet-stream")

    return [store, fetch]


def _keys(site: Site) -> list[HTTPRouteHandler]:
    @get("/wallet/vaults")
    async def vaults() -> Response[bytes]:
        members = zip(site.reader.vaults, site.reader.vault_addresses, strict=True)
        told = await asyncio.gather(*(_identity(site, *member) for member in members))
        return _json({"threshold": site.network.threshold, "broker": site.network.broker, "vaults": told})

    @post("/wallet/deposits", status_code=204)
    async def give(request: Ask) -> None:
        given = await json_of(request, SealedShares)
        common = DepositRequest(
            record=given.record,
            signature=signature_of(given.signature),
            index=0,
            sealed=b"",
            grant=given.grant,
            grant_signature=signature_of(given.grant_signature),
            policy=given.policy,
            policy_signature=signature_of(given.policy_signature),
        )
        needed = len(site.network.vaults) if given.grant is None else site.network.threshold  # (ADR 10)
        await pass_on(site.reader, common, given.sealed, needed)

    return [vaults, give]


def _buying(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet/runs", status_code=200)
    async def begin(request: Ask) -> Response[bytes]:
        wanted = await json_of(request, ClientSealedInput)
        conn, _ = on_paper(site.reader, own_wallet(site, request))
        return _json(_run(site, await prepare(conn, wanted)))

    @post("/wallet/runs/match", status_code=200)
    async def buy(request: Ask) -> Response[bytes]:
        signed, buyer = await json_of(request, SignedOrders), own_wallet(site, request)
        conn, steps = on_paper(site.reader, buyer)
        await match(conn, signed.orders)
        return planned(site, buyer, steps, f"/tasks/{signed.task}")

    return [begin, buy]


def _publishing(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet/models", status_code=200)
    async def begin(request: Ask) -> Response[bytes]:
        wanted, owner = await json_of(request, ClientSealedModel), own_wallet(site, request)
        conn, steps = on_paper(site.reader, owner)
        return _json(_model(site, wanted, await plan(conn, wanted), [shown(site, owner, step) for step in steps]))

    return [begin]


def _opening(site: Site) -> list[HTTPRouteHandler]:
    @get("/wallet/results/{task:str}")
    async def result(task: str) -> Response[bytes]:
        envelope = parse_envelope(await fetch_receipt.fetch_receipt(site.reader, TaskId(_digest(task))))
        body = envelope.receipt.body
        money = sentence(await money_or_unknown(site.reader, body.deal, body.task), commands=False)
        if envelope.refusal:
            raise DealRefused(envelope.refusal, refusal_message(envelope.refusal), money=money)
        replies = await openings(site.reader, envelope.settle)
        opened = [_opened(site, reply) for reply in replies if isinstance(reply, OpenReply) and reply.record]
        refused = next((reply.message for reply in replies if isinstance(reply, SealgridError)), "")
        settle, ended = typed_statement(site, envelope.settle), body.exit_class
        return _json({"settle": settle, "ended": ended, "openings": opened, "refused": refused, "money": money})

    return [result]


async def _identity(site: Site, client: VaultClient, address: str) -> dict[str, str] | None:
    """Return a vault's deposit key for the browser to check again; None for a vault that does not answer."""
    try:
        identity: VaultIdentity = await client.identity()
        check_identity(identity, identity.address, site.reader.domain)
    except SealgridError:
        return None
    key, signature = "0x" + identity.deposit_key.hex(), "0x" + identity.signature.hex()
    return {"address": address, "key": key, "signature": signature}


def _run(site: Site, prepared: PreparedPurchase) -> dict[str, Any]:
    terms = prepared.terms
    orders = [to_document(order) for order in (terms.app, terms.dataset, terms.workerpool, terms.request)]
    kept = {
        "genesis": site.network.genesis,
        "hub": site.network.hub,
        "account": terms.request.requester,
        "deal": prepared.deal,
        "task": prepared.task,
        "orders": orders,
    }
    typed = {
        "record": typed_statement(site, prepared.record),
        "grant": typed_statement(site, prepared.grant),
        "request": typed_order(site, terms.request),
    }
    shown = {"price": str(Amount(terms.price)), "why": prepared.why, "record": prepared.record, "grant": prepared.grant}
    return {"kept": kept, "typed": typed} | shown


def _model(site: Site, wanted: ClientSealedModel, made: KeyStatements, steps: list[dict[str, Any]]) -> dict[str, Any]:
    kept = {
        "genesis": site.network.genesis,
        "hub": site.network.hub,
        "account": made.record.owner,
        "model": made.model,
        "name": wanted.name,
        "checksum": wanted.sha256,
    }
    typed = {"record": typed_statement(site, made.record), "policy": typed_statement(site, made.policy)}
    said = f"{wanted.name} is sealed and for sale."
    then = {"steps": steps, "next": f"/models/{made.model}", "said": said}
    return {"kept": kept, "typed": typed, "record": made.record, "policy": made.policy} | then


def _opened(site: Site, reply: OpenReply) -> dict[str, Any]:
    record = typed_statement(site, reply.record) if reply.record else None
    return {"record": record, "signature": "0x" + reply.signature.hex(), "index": reply.index, "sealed": reply.sealed}


def _digest(text: str) -> Digest:
    try:
        return to_digest(text.lower())
    except ValueError as error:
        raise NotFound(f"{text[:80]!r} is no digest.", money="") from error


def _json(content: dict[str, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(content), media_type=MediaType.JSON)
