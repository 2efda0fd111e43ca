"""A vault's HTTP surface: handlers that read one message and write one (docs/protocol/release.md, log.md)."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused
from sealgrid.units import to_address
from sealgrid.vault.deposits import accept_deposit, accept_iexec_deposit, set_policy, view_asset, withdraw_key
from sealgrid.vault.log_api import log_handlers
from sealgrid.vault.preview import preview_release
from sealgrid.vault.service import Vault
from sealgrid.vault.tasks import give_nonce, open_result, release_shares, settle_result
from sealgrid.vault.witness import Witness
from sealgrid.wire.message import Message, encode, parse
from sealgrid.wire.preview import PATH
from sealgrid.wire.serving import limited, packed, service
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


def application(vault: Vault, witness: Witness | None = None) -> Litestar:
    """Return the application that serves one vault."""

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

    ask = limited(vault.rules.previews_per_minute)

    @post(PATH, status_code=200)
    async def preview(request: Request[Any, Any, Any]) -> Response[bytes]:
        await ask(request)
        return _json(await preview_release(vault, await request.body()))

    handlers = [
        preview,
        identity,
        evaluations,
        asset,
        _handler(vault, "/deposits", DepositRequest, accept_deposit),
        _handler(vault, "/iexec/deposits", IexecDeposit, accept_iexec_deposit),
        _handler(vault, "/policies", PolicyRequest, set_policy),
        _handler(vault, "/withdrawals", WithdrawRequest, withdraw_key),
        _handler(vault, "/nonces", NonceRequest, give_nonce),
        _handler(vault, "/releases", ReleaseRequest, release_shares),
        _handler(vault, "/settlements", SettleRequest, settle_result, packing=True),
        _handler(vault, "/openings", OpenRequest, open_result, packing=True),
        *log_handlers(vault, witness or Witness(vault, {})),
    ]
    return service(handlers, max_body=MAX_BODY_BYTES)


def _handler(vault: Vault, path: str, kind: type[M], answer: Answered[M], *, packing: bool = False) -> HTTPRouteHandler:
    # A release is ciphertext, and there are many: packing it would cost more than it saves.
    @post(path, status_code=200)
    async def handle(request: Request[Any, Any, Any]) -> Response[bytes]:
        message = parse(await request.body(), kind)
        try:
            said = await answer(vault, message)
            return packed(request, encode(said)) if packing else _json(said)
        finally:
            await vault.store.saved()  # nothing leaves, not even a refusal, before what led to it is on the disk

    return handle


def _json(message: Message) -> Response[bytes]:
    return Response(encode(message), media_type=MediaType.JSON)
