"""HTTP routes of iExec's SMS (secret management service). The body of every error is one JSON sentence.

Pages of any origin may use them: replies are public, and every write carries a signature by an account.
"""

from typing import Any

from litestar import Litestar, Request, Response, get, head, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.crypto.iexec_challenge import is_secret_name
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME
from sealgrid.errors import InputRefused, NotFound
from sealgrid.iexec_sms.push_checks import MAX_SECRET_BYTES, PushedSecret
from sealgrid.iexec_sms.service import SecretService
from sealgrid.units import Address
from sealgrid.wire.iexec_sms import ResultKeyRequest
from sealgrid.wire.message import parse
from sealgrid.wire.rate_limit import RateLimit
from sealgrid.wire.server import address_parameter, allow_every_site, cors_config, create_app, json_response
from sealgrid.wire.service_access import DEFAULT_ACCESS, ClientLimit, ServiceAccess

IncomingRequest = Request[Any, Any, Any]


def application(
    secrets: SecretService, access: ServiceAccess = DEFAULT_ACCESS, *, pushes_per_hour: int = 0
) -> Litestar:
    """Return the ASGI application of the adapter.

    ``pushes_per_hour`` limits what each client may push for accounts, which need nothing on the chain: requesters'
    secrets, and keys for results.
    """
    pushes = ClientLimit(access, RateLimit(pushes_per_hour / 60, burst=pushes_per_hour), "secrets and keys")
    return create_app(
        [*_secret_handlers(secrets, pushes), *_result_key_handlers(secrets, pushes)],
        max_body=2 * MAX_SECRET_BYTES,  # larger than a secret, so the service returns the numbered refusal
        access=access,
        origin_check=allow_every_site,
        cors=cors_config("GET", "POST", "PUT"),
    )


def _secret_handlers(secrets: SecretService, pushes: ClientLimit) -> list[HTTPRouteHandler]:
    @head("/secrets/web3")
    async def has_dataset_key(request: IncomingRequest) -> Response[None]:
        return _no_content_if(await secrets.has_secret("Dataset", _query_address(request, "secretAddress")))

    @post("/secrets/web3")
    async def push_dataset_key(request: IncomingRequest) -> Response[None]:
        await secrets.push_dataset_key(await _read_secret(request, _query_address(request, "secretAddress")))
        return _no_content()

    @head("/apps/{app:str}/secrets")
    async def has_app_secret(app: FromPath[str]) -> Response[None]:
        return _no_content_if(await secrets.has_secret("App", address_parameter(app)))

    @post("/apps/{app:str}/secrets")
    async def push_app_secret(app: FromPath[str], request: IncomingRequest) -> Response[None]:
        await secrets.push_app_secret(await _read_secret(request, address_parameter(app)))
        return _no_content()

    @head("/requesters/{requester:str}/secrets/{name:str}")
    async def has_requester_secret(requester: FromPath[str], name: FromPath[str]) -> Response[None]:
        return _no_content_if(
            is_secret_name(name) and await secrets.has_requester_secret(address_parameter(requester), name)
        )

    @post("/requesters/{requester:str}/secrets/{name:str}")
    async def push_requester_secret(
        requester: FromPath[str], name: FromPath[str], request: IncomingRequest
    ) -> Response[None]:
        pushes.acquire(request.scope)
        await secrets.push_requester_secret(await _read_secret(request, address_parameter(requester)), name)
        return _no_content()

    return [
        has_dataset_key,
        push_dataset_key,
        has_app_secret,
        push_app_secret,
        has_requester_secret,
        push_requester_secret,
    ]


def _result_key_handlers(secrets: SecretService, pushes: ClientLimit) -> list[HTTPRouteHandler]:
    @head("/secrets/web2")
    async def exists(request: IncomingRequest) -> Response[None]:
        named = request.query_params.get("secretName") == RESULT_KEY_NAME
        return _no_content_if(named and secrets.has_result_key(_query_address(request, "ownerAddress")))

    @post("/secrets/web2")
    async def push(request: IncomingRequest) -> Response[None]:
        _check_result_key_name(request)
        pushes.acquire(request.scope)
        pushed = await _read_secret(request, _query_address(request, "ownerAddress"))
        await secrets.push_result_key(pushed, replacing=False)
        return _no_content()

    @put("/secrets/web2")
    async def replace(request: IncomingRequest) -> Response[None]:
        _check_result_key_name(request)
        pushes.acquire(request.scope)
        pushed = await _read_secret(request, _query_address(request, "ownerAddress"))
        await secrets.push_result_key(pushed, replacing=True)
        return _no_content()

    @get("/result-keys/{owner:str}")
    async def show(owner: FromPath[str]) -> Response[bytes]:
        return json_response(secrets.result_key(address_parameter(owner)))

    @post("/result-keys", status_code=200)
    async def of_task(request: IncomingRequest) -> Response[bytes]:
        return json_response(await secrets.result_key_of_task(parse(await request.body(), ResultKeyRequest)))

    return [exists, push, replace, show, of_task]


def _check_result_key_name(request: IncomingRequest) -> None:
    if request.query_params.get("secretName") != RESULT_KEY_NAME:
        raise InputRefused(f"secretName must be {RESULT_KEY_NAME}: results go to IPFS, which needs no token.")


async def _read_secret(request: IncomingRequest, address: Address) -> PushedSecret:
    return PushedSecret(address, await request.body(), request.headers.get("authorization", ""))


def _query_address(request: IncomingRequest, name: str) -> Address:
    return address_parameter(request.query_params.get(name, ""))


def _no_content_if(exists: bool) -> Response[None]:
    if not exists:
        raise NotFound("this secret does not exist.")
    return _no_content()


def _no_content() -> Response[None]:
    return Response(None, status_code=204)
