"""Endpoints of wallet.js: connect an external wallet, and pass what it signed to market, vaults and storage nodes.

The cookie's address selects what pages show; it authorises nothing. The chain and these services each verify the
wallet's own signature.
"""

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import FileRemoval
from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.operations.own_offers import until_market_follows
from sealgrid.sdk.operations.policies import send_policy
from sealgrid.sdk.operations.remove_file import check_off_the_market, send_removal
from sealgrid.units import Address
from sealgrid.web.forms import form_text, parse_form, parse_json
from sealgrid.web.site import WALLET_COOKIE, Site, WebRequest, set_notice
from sealgrid.wire import challenge
from sealgrid.wire.market import Kind
from sealgrid.wire.server import json_response
from sealgrid.wire.storage import SignedRemoval
from sealgrid.wire.vault import PolicyRequest


class WalletOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed order, and the market's challenge signed by the same wallet."""

    kind: Kind
    order: dict[str, str]
    sentence: str
    signature: str  #: of the challenge, 0x hex


class WalletPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy with its owner's signature."""

    policy: Policy
    signature: str  #: 0x hex


class WalletRemoval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The removal of a file with its account's signature."""

    removal: FileRemoval
    signature: str  #: 0x hex


class StepsDone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wallet did every step of a plan."""

    next: str  #: path of the page to open
    notice: str


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers that wallet.js requests."""
    return [*_connection_handlers(site), *_signature_handlers(site)]


def _connection_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet", status_code=204)
    async def connect(request: WebRequest) -> Response[None]:
        address = _parse_address(form_text(await parse_form(request), "address"))
        response = Response(None, status_code=204)
        response.set_cookie(WALLET_COOKIE, address, httponly=True, samesite="strict")
        return response

    @post("/wallet/leave")
    async def leave(request: WebRequest) -> Redirect:
        await parse_form(request)
        response = Redirect("/account", status_code=303)
        response.delete_cookie(WALLET_COOKIE)
        return response

    @post("/wallet/done", status_code=204)
    async def done(request: WebRequest) -> Response[None]:
        steps_done = await parse_json(request, StepsDone)
        await site.wait_until_indexed()
        kind, _, asset = steps_done.next.strip("/").partition("/")
        if kind in ("models", "apps"):
            conn, _ = recording_connection(site.conn, require_wallet(site, request))
            await until_market_follows(conn, "Dataset" if kind == "models" else "App", _parse_address(asset))
        return set_notice(Response(None, status_code=204), steps_done.notice)

    return [connect, leave, done]


def _signature_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet/challenge", status_code=200)
    async def request_challenge(request: WebRequest) -> Response[bytes]:
        await parse_form(request)
        sentence = await site.conn.market.challenge(require_wallet(site, request))
        if not sentence.startswith(challenge.SENTENCE):
            raise ServiceUnavailable("the market sent something other than a challenge to sign; do not sign it.")
        return json_response({"sentence": sentence, "typed": challenge.typed_data(site.network.chain, sentence)})

    @post("/wallet/orders", status_code=204)
    async def publish_order(request: WebRequest) -> None:
        signed = await parse_json(request, WalletOrder)
        digest = challenge.challenge_digest(site.network.chain, signed.sentence)
        token = challenge.Token(digest, parse_signature(signed.signature), require_wallet(site, request))
        await site.conn.market.publish_as(signed.kind, signed.order, token)

    @post("/wallet/policies", status_code=204)
    async def set_policy(request: WebRequest) -> None:
        signed = await parse_json(request, WalletPolicy)
        signature = parse_signature(signed.signature)
        await send_policy(site.conn, PolicyRequest(policy=signed.policy, signature=signature))

    @post("/wallet/removals", status_code=204)
    async def remove_file(request: WebRequest) -> None:
        signed = await parse_json(request, WalletRemoval)
        removal = SignedRemoval(removal=signed.removal, signature=parse_signature(signed.signature))
        conn, _ = recording_connection(site.conn, require_wallet(site, request))
        for row in site.index.with_checksums("Dataset", [removal.removal.file_sha256]):
            if row.owner == conn.address:
                await check_off_the_market(conn, row.address, None)
        answers = await send_removal(site.conn, removal)
        site.model_cards.forget(removal.removal.file_sha256)
        if kept := [f"{each.node} may still have the file: {each.reason}" for each in answers if not each.removed]:
            raise ServiceUnavailable(" ".join(kept), money="")

    return [request_challenge, publish_order, set_policy, remove_file]


def require_wallet(site: Site, request: WebRequest) -> Address:
    """Return the address of the visitor's external wallet; raise InputRefused if none is connected."""
    address = site.wallet_address(request)
    if address is None:
        raise InputRefused("no wallet is connected; connect it on the account page.")
    return address


def parse_signature(text: str) -> bytes:
    """Parse a wallet's signature, 0x hex; raise InputRefused if malformed."""
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise InputRefused("the wallet's signature is not valid hex.") from error


def _parse_address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise InputRefused(f"{text[:60]!r} is not a valid address.") from error
