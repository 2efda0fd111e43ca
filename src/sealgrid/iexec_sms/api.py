"""The face's paths, spelled and answered as iExec's SMS does; every error's body is one JSON sentence.

Pages of any site may use it: all that it tells is public, and whoever writes proves it by a signature that no page has.
"""

from typing import Any

from litestar import Litestar, MediaType, Request, Response, get, head, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.crypto.iexec_challenge import is_secret_name
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME
from sealgrid.errors import InputRefused, NotFound
from sealgrid.iexec_sms.push_checks import MOST_BYTES, PushedSecret
from sealgrid.iexec_sms.service import SecretService
from sealgrid.units import Address, to_address
from sealgrid.wire.message import encode
from sealgrid.wire.server import allow_every_site, cors_config, create_app
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess

Ask = Request[Any, Any, Any]


def application(desk: SecretService, access: ServiceAccess = DEFAULT_ACCESS) -> Litestar:
    """Return the application of one face."""
    return create_app(
        [*_dataset_keys(desk), *_app_secrets(desk), *_requester_secrets(desk), *_result_keys(desk)],
        max_body=2 * MOST_BYTES,  # a little more than is taken, so that the desk says why not
        access=access,
        origin_check=allow_every_site,
        cors=cors_config("GET", "POST", "PUT"),
    )


def _dataset_keys(desk: SecretService) -> list[HTTPRouteHandler]:
    @head("/secrets/web3")
    async def whether(request: Ask) -> Response[None]:
        return _there(await desk.has_secret("Dataset", _address(request, "secretAddress")))

    @post("/secrets/web3")
    async def push(request: Ask) -> Response[None]:
        await desk.push_dataset_key(await _pushed(request, _address(request, "secretAddress")))
        return _done()

    return [whether, push]


def _app_secrets(desk: SecretService) -> list[HTTPRouteHandler]:
    @head("/apps/{app:str}/secrets")
    async def whether(app: FromPath[str]) -> Response[None]:
        return _there(await desk.has_secret("App", _read_address(app)))

    @post("/apps/{app:str}/secrets")
    async def push(app: FromPath[str], request: Ask) -> Response[None]:
        await desk.push_app_secret(await _pushed(request, _read_address(app)))
        return _done()

    return [whether, push]


def _requester_secrets(desk: SecretService) -> list[HTTPRouteHandler]:
    @head("/requesters/{requester:str}/secrets/{name:str}")
    async def whether(requester: FromPath[str], name: FromPath[str]) -> Response[None]:
        return _there(is_secret_name(name) and await desk.has_requester_secret(_read_address(requester), name))

    @post("/requesters/{requester:str}/secrets/{name:str}")
    async def push(requester: FromPath[str], name: FromPath[str], request: Ask) -> Response[None]:
        await desk.push_requester_secret(await _pushed(request, _read_address(requester)), name)
        return _done()

    return [whether, push]


def _result_keys(desk: SecretService) -> list[HTTPRouteHandler]:
    @head("/secrets/web2")
    async def whether(request: Ask) -> Response[None]:
        named = request.query_params.get("secretName") == RESULT_KEY_NAME
        return _there(named and desk.has_result_key(_address(request, "ownerAddress")))

    @post("/secrets/web2")
    async def push(request: Ask) -> Response[None]:
        _only_result_key(request)
        desk.push_result_key(await _pushed(request, _address(request, "ownerAddress")), replacing=False)
        return _done()

    @put("/secrets/web2")
    async def replace(request: Ask) -> Response[None]:
        _only_result_key(request)
        desk.push_result_key(await _pushed(request, _address(request, "ownerAddress")), replacing=True)
        return _done()

    @get("/result-keys/{owner:str}")
    async def show(owner: FromPath[str]) -> Response[bytes]:
        return Response(encode(desk.result_key(_read_address(owner))), media_type=MediaType.JSON)

    return [whether, push, replace, show]


def _only_result_key(request: Ask) -> None:
    if request.query_params.get("secretName") != RESULT_KEY_NAME:
        raise InputRefused(f"secretName must be {RESULT_KEY_NAME}: results go to IPFS, which needs no token.")


async def _pushed(request: Ask, address: Address) -> PushedSecret:
    return PushedSecret(address, await request.body(), request.headers.get("authorization", ""))


def _address(request: Ask, name: str) -> Address:
    return _read_address(request.query_params.get(name, ""))


def _read_address(text: str) -> Address:
    try:
        return to_address(text)
    except ValueError as error:
        raise InputRefused("give an address: 0x and 40 hex digits.") from error


def _there(there: bool) -> Response[None]:
    if not there:
        raise NotFound("no such secret is here.")
    return _done()


def _done() -> Response[None]:
    return Response(None, status_code=204)
