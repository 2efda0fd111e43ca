"""A vault's HTTP surface: handlers that read one message and write one (docs/protocol/release.md, log.md)."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused
from sealgrid.units import to_address
from sealgrid.vault.handlers.deposits import accept_deposit, accept_iexec_deposit, set_policy, view_asset, withdraw_key
from sealgrid.vault.handlers.log import log_handlers
from sealgrid.vault.handlers.preview import preview_release
from sealgrid.vault.handlers.tasks import give_nonce, open_result, release_shares, settle_result
from sealgrid.vault.peers.witness import LogWitnessing
from sealgrid.vault.service import Vault
from sealgrid.wire.message import Message, encode, parse
from sealgrid.wire.preview import PATH
from sealgrid.wire.rate_limit import RateLimit
from sealgrid.wire.server import compressed_response, create_app
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
Answered = Callable[[Vault, M], Awaitable[Message]]
Ask = Request[Any, Any, Any]


def application(
    vault: Vault,
    witness: LogWitnessing | None = None,
    access: ServiceAccess = DEFAULT_ACCESS,
    *,
    inputs_per_hour: int = 0,
) -> Litestar:
    """Return the application that serves one vault; ``inputs_per_hour`` limits a client's deposits of sealed inputs."""
    inputs = ClientLimit(access, RateLimit(inputs_per_hour / 60, burst=inputs_per_hour), "sealed inputs")
    previews = ClientLimit(access, RateLimit(vault.rules.previews_per_minute), "previews")

    @get("/identity")
    async def identity() -> Response[bytes]:
        return _json(vault.identity)

    @get("/evaluations")
    async def evaluations() -> Response[bytes]:
        return _json(Evaluations(numbers=dict(vault.store.evaluation())))

    @get("/assets/{asset:str}/{owner:str}")
    async def asset(asset: FromPath[str], owner: FromPath[str]) -> Response[bytes]:
        try:
            named = to_address(asset), to_address(owner)
        except ValueError as error:
            raise InputRefused("asset and owner are each named by 0x and 40 hex digits.") from error
        return _json(await view_asset(vault, *named))

    @post(PATH, status_code=200)
    async def preview(request: Ask) -> Response[bytes]:
        previews.acquire(request.scope)
        return _json(await preview_release(vault, await request.body()))

    handlers = [
        preview,
        identity,
        evaluations,
        asset,
        _handler(vault, "/deposits", DepositRequest, accept_deposit, limit=_limit_inputs(inputs)),
        _handler(vault, "/iexec/deposits", IexecDeposit, accept_iexec_deposit),
        _handler(vault, "/policies", PolicyRequest, set_policy),
        _handler(vault, "/withdrawals", WithdrawRequest, withdraw_key),
        _handler(vault, "/nonces", NonceRequest, give_nonce),
        _handler(vault, "/releases", ReleaseRequest, release_shares),
        _handler(vault, "/settlements", SettleRequest, settle_result, packing=True),
        _handler(vault, "/openings", OpenRequest, open_result, packing=True),
        *log_handlers(vault, witness or LogWitnessing(vault, {})),
    ]
    return create_app(handlers, access=access, max_body=MAX_BODY_BYTES)


def _limit_inputs(limit: ClientLimit) -> Callable[[Ask, DepositRequest], None]:
    # Of all that is deposited, only an input needs nothing on the chain.
    def limit_input(request: Ask, message: DepositRequest) -> None:
        if message.grant is not None:
            limit.acquire(request.scope)

    return limit_input


def _unlimited(_request: Ask, _message: Message) -> None:
    """Take every message."""


def _handler(
    vault: Vault,
    path: str,
    kind: type[M],
    answer: Answered[M],
    *,
    packing: bool = False,
    limit: Callable[[Ask, M], None] = _unlimited,
) -> HTTPRouteHandler:
    # A release is ciphertext, and there are many: packing it would cost more than it saves.
    @post(path, status_code=200)
    async def handle(request: Ask) -> Response[bytes]:
        message = parse(await request.body(), kind)
        limit(request, message)
        try:
            said = await answer(vault, message)
            return compressed_response(request, encode(said)) if packing else _json(said)
        finally:
            await vault.store.saved()  # nothing leaves, not even a refusal, before what led to it is on the disk

    return handle


def _json(message: Message) -> Response[bytes]:
    return Response(encode(message), media_type=MediaType.JSON)
