"""A vault's HTTP API: each handler reads one message and responds with one (docs/protocol/release.md, log.md)."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import Litestar, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused
from sealgrid.units import to_address
from sealgrid.vault.checks.iexec_deposit import is_requester_secret
from sealgrid.vault.handlers.deposits import accept_deposit, accept_iexec_deposit, set_policy, view_asset, withdraw_key
from sealgrid.vault.handlers.log import log_handlers
from sealgrid.vault.handlers.nonce import issue_nonce
from sealgrid.vault.handlers.open_result import open_result
from sealgrid.vault.handlers.preview import preview_release
from sealgrid.vault.handlers.release import release_shares
from sealgrid.vault.handlers.settle import settle_result
from sealgrid.vault.peers.witness import PeerLogWitness
from sealgrid.vault.service import Vault
from sealgrid.wire.message import Message, encode, parse
from sealgrid.wire.preview import PREVIEW_PATH
from sealgrid.wire.rate_limit import RateLimit
from sealgrid.wire.server import compressed_response, create_app, json_response
from sealgrid.wire.service_access import DEFAULT_ACCESS, ClientLimit, ServiceAccess
from sealgrid.wire.vault import (
    DepositRequest,
    Evaluations,
    IexecDeposit,
    NonceRequest,
    OpenRequest,
    PolicyRequest,
    ReleaseRequest,
    SettleRequest,
    WithdrawRequest,
)

MAX_BODY_BYTES = 1 << 20  #: a quote with its collateral is below 100 kB
M = TypeVar("M", bound=Message)
Handler = Callable[[Vault, M], Awaitable[Message]]
HttpRequest = Request[Any, Any, Any]


def application(
    vault: Vault,
    witness: PeerLogWitness | None = None,
    access: ServiceAccess = DEFAULT_ACCESS,
    *,
    inputs_per_hour: int = 0,
) -> Litestar:
    """Return the ASGI application of one vault.

    ``inputs_per_hour`` limits what each client may deposit without anything on the chain: sealed inputs, and
    requesters' secrets.
    """
    inputs = ClientLimit(access, RateLimit(inputs_per_hour / 60, burst=inputs_per_hour), "inputs and secrets")
    previews = ClientLimit(access, RateLimit(vault.rules.previews_per_minute), "previews")

    @get("/identity")
    async def identity() -> Response[bytes]:
        return json_response(vault.identity)

    @get("/evaluations")
    async def evaluations() -> Response[bytes]:
        return json_response(Evaluations(numbers=dict(vault.database.evaluations())))

    @get("/assets/{asset:str}/{owner:str}")
    async def asset(asset: FromPath[str], owner: FromPath[str]) -> Response[bytes]:
        try:
            key = to_address(asset), to_address(owner)
        except ValueError as error:
            raise InputRefused("asset and owner must each be 0x and 40 hex digits.") from error
        return json_response(await view_asset(vault, *key))

    @post(PREVIEW_PATH, status_code=200)
    async def preview(request: HttpRequest) -> Response[bytes]:
        previews.acquire(request.scope)
        return json_response(await preview_release(vault, await request.body()))

    def limit_inputs(request: HttpRequest, message: DepositRequest) -> None:
        if message.grant is not None:
            inputs.acquire(request.scope)

    def limit_secrets(request: HttpRequest, message: IexecDeposit) -> None:
        if is_requester_secret(message):
            inputs.acquire(request.scope)

    handlers = [
        preview,
        identity,
        evaluations,
        asset,
        _handler(vault, "/deposits", DepositRequest, accept_deposit, limit=limit_inputs),
        _handler(vault, "/iexec/deposits", IexecDeposit, accept_iexec_deposit, limit=limit_secrets),
        _handler(vault, "/policies", PolicyRequest, set_policy),
        _handler(vault, "/withdrawals", WithdrawRequest, withdraw_key),
        _handler(vault, "/nonces", NonceRequest, issue_nonce),
        _handler(vault, "/releases", ReleaseRequest, release_shares),
        _handler(vault, "/settlements", SettleRequest, settle_result, compressed=True),
        _handler(vault, "/openings", OpenRequest, open_result, compressed=True),
        *log_handlers(vault, witness or PeerLogWitness(vault, {})),
    ]
    return create_app(handlers, access=access, max_body=MAX_BODY_BYTES)


def _handler(
    vault: Vault,
    path: str,
    kind: type[M],
    handler: Handler[M],
    *,
    compressed: bool = False,
    limit: Callable[[HttpRequest, M], None] | None = None,
) -> HTTPRouteHandler:
    # Releases are frequent and ciphertext, which does not compress.
    @post(path, status_code=200)
    async def handle(request: HttpRequest) -> Response[bytes]:
        message = parse(await request.body(), kind)
        if limit is not None:
            limit(request, message)
        try:
            reply = await handler(vault, message)
            return compressed_response(request, encode(reply)) if compressed else json_response(reply)
        finally:
            await vault.database.flush()  # no response, not even a refusal, leaves before its writes are on the disk

    return handle
