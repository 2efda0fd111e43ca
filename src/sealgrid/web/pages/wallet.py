"""A visitor's own wallet: which address it shows, and what it signed on its way to the market and the vaults.

The address is only what pages show. Nothing here acts for it: the chain, the market and the vaults each check the
wallet's own signature.
"""

import msgspec
from litestar import MediaType, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.attestation.policy import Policy
from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.operations.own_offers import until_market_follows
from sealgrid.sdk.operations.policies import send_policy
from sealgrid.units import Address, to_address
from sealgrid.web.flash import remember
from sealgrid.web.forms import field_of, form_of, json_of
from sealgrid.web.site import WALLET, Ask, Site
from sealgrid.wire import challenge
from sealgrid.wire.market import Kind
from sealgrid.wire.vault import PolicyRequest


class WalletOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order, and who may publish it: a challenge that the same wallet signed."""

    kind: Kind
    order: dict[str, str]
    sentence: str
    signature: str  #: of the challenge, 0x hex


class WalletPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy as its owner's wallet signed it."""

    policy: Policy
    signature: str  #: 0x hex


class StepsDone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wallet did every step."""

    next: str  #: the page that is shown then
    said: str


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers that a page's script asks."""
    return [*_coming(site), *_signed(site)]


def _coming(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet", status_code=204)
    async def come(request: Ask) -> Response[None]:
        address = _address(field_of(await form_of(request), "address"))
        answer = Response(None, status_code=204)
        answer.set_cookie(WALLET, address, httponly=True, samesite="strict")
        return answer

    @post("/wallet/leave")
    async def leave(request: Ask) -> Redirect:
        await form_of(request)
        answer = Redirect("/account", status_code=303)
        answer.delete_cookie(WALLET)
        return answer

    @post("/wallet/done", status_code=204)
    async def done(request: Ask) -> Response[None]:
        told = await json_of(request, StepsDone)
        await site.until_indexed()
        await _until_sold_as_signed(site, request, told.next)
        return remember(Response(None, status_code=204), told.said)

    return [come, leave, done]


def _signed(site: Site) -> list[HTTPRouteHandler]:
    @post("/wallet/challenge", status_code=200)
    async def ask(request: Ask) -> Response[bytes]:
        await form_of(request)
        sentence = await site.reader.market.challenge(own_wallet(site, request))
        if not sentence.startswith(challenge.SENTENCE):
            raise ServiceUnavailable("the market asks to sign something that is no challenge; do not sign it.")
        asked = {"sentence": sentence, "typed": challenge.typed_data(site.network.chain, sentence)}
        return Response(msgspec.json.encode(asked), media_type=MediaType.JSON)

    @post("/wallet/orders", status_code=204)
    async def publish(request: Ask) -> None:
        signed = await json_of(request, WalletOrder)
        digest = challenge.challenge_digest(site.network.chain, signed.sentence)
        token = challenge.Token(digest, signature_of(signed.signature), own_wallet(site, request))
        await site.reader.market.publish_as(signed.kind, signed.order, token)

    @post("/wallet/policies", status_code=204)
    async def policy(request: Ask) -> None:
        signed = await json_of(request, WalletPolicy)
        await send_policy(site.reader, PolicyRequest(policy=signed.policy, signature=signature_of(signed.signature)))

    return [ask, publish, policy]


async def _until_sold_as_signed(site: Site, request: Ask, path: str) -> None:
    kind, _, asset = path.strip("/").partition("/")
    if kind in ("models", "apps"):
        conn, _ = recording_connection(site.reader, own_wallet(site, request))
        await until_market_follows(conn, "Dataset" if kind == "models" else "App", _address(asset))


def own_wallet(site: Site, request: Ask) -> Address:
    """Return the address of the visitor's own wallet; raise InputRefused where none is connected."""
    address = site.wallet(request)
    if address is None:
        raise InputRefused("no wallet is connected here; connect it on the account page.")
    return address


def _address(text: str) -> Address:
    try:
        return to_address(text.lower())
    except ValueError as error:
        raise InputRefused(f"{text[:60]!r} is no address.") from error


def signature_of(text: str) -> bytes:
    """Return a wallet's signature; raise InputRefused for what is no hex text."""
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise InputRefused("the wallet's signature is no hex text.") from error
