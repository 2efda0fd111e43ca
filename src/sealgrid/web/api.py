"""The Litestar application: pages, static files, the browser's security policy, and error pages."""

from pathlib import Path
from typing import Final

import msgspec
from litestar import Litestar, Response
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_404_NOT_FOUND

from sealgrid.errors import CheckFailed, SealgridError, TooManyRequests
from sealgrid.web import chain_view, network_document, static_files
from sealgrid.web.large_transfers import limit_large_bodies
from sealgrid.web.pages import (
    account,
    app_owner,
    apps,
    client_sealed,
    compute,
    documents,
    feeds,
    model_owner,
    models,
    money,
    notifications,
    results,
    sales,
    tasks,
    wallet,
)
from sealgrid.web.site import MAX_UPLOAD, Site, WebRequest
from sealgrid.web.static_files import IMPORT_MAP_HASH
from sealgrid.web.wallets.signing_steps import WALLET_HEADER
from sealgrid.wire.server import limit_and_check_origin, log_unexpected_error
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess

#: Resources from this site only; no framing; forms post to this site only. The one inline script is the import map,
#: allowed by its hash. ``blob:`` images are pictures in opened results.
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; script-src 'self' 'sha256-{IMPORT_MAP_HASH}'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def application(site: Site, libraries: Path, access: ServiceAccess = DEFAULT_ACCESS) -> Litestar:
    """Return the application; ``libraries`` is the folder of the pinned third-party scripts."""

    def on_error(request: WebRequest, error: SealgridError) -> Response[bytes]:
        message = f"Check ({error.check}): {error.message}" if isinstance(error, CheckFailed) else error.message
        response = _error_page(site, request, message, error.money, error.http_status)
        if isinstance(error, TooManyRequests) and error.seconds:
            response.headers["retry-after"] = str(error.seconds)
        return response

    def on_http_exception(request: WebRequest, error: HTTPException) -> Response[bytes]:
        return _error_page(site, request, error.detail, "", error.status_code)

    def on_unexpected(request: WebRequest, error: Exception) -> Response[bytes]:
        log_unexpected_error(error)
        message = f"The site failed ({type(error).__name__}); the details are in its log."
        return _error_page(site, request, message, "", 500)

    pages = (
        app_owner,
        apps,
        models,
        model_owner,
        sales,
        compute,
        feeds,
        tasks,
        results,
        account,
        money,
        wallet,
        client_sealed,
        documents,
        notifications,
    )
    modules = (*pages, chain_view, network_document)
    return Litestar(
        route_handlers=[
            *static_files.handlers(libraries),
            *(handler for module in modules for handler in module.handlers(site)),
        ],
        before_request=limit_and_check_origin(access),
        after_request=_add_security_headers,
        exception_handlers={SealgridError: on_error, HTTPException: on_http_exception, Exception: on_unexpected},
        middleware=[limit_large_bodies],
        request_max_body_size=MAX_UPLOAD,
        logging_config=None,
        openapi_config=None,
    )


def _add_security_headers(response: Response[bytes]) -> Response[bytes]:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _error_page(site: Site, request: WebRequest, message: str, money: str, status: int) -> Response[bytes]:
    if WALLET_HEADER in request.headers:
        body = msgspec.json.encode({"message": f"{message} {money}".strip()})
        return _add_security_headers(Response(body, status_code=status))
    back = request.headers.get("referer", "/") if request.method == "POST" else "/"
    heading = "Page not found" if status == HTTP_404_NOT_FOUND else "That did not work"
    context = {"heading": heading, "message": message, "money": money, "back": back}
    return _add_security_headers(site.page(request, "error.html", context, status=status))
