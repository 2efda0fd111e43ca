"""The web app as one application: pages, static files, a strict policy for what a browser may load, errors as pages."""

from pathlib import Path

import msgspec
from litestar import Litestar, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_404_NOT_FOUND

from sealgrid.errors import CheckFailed, NotFound, SealgridError, TooManyRequests
from sealgrid.web import chain_view
from sealgrid.web.forms import MOST_UPLOAD
from sealgrid.web.js_modules import MAP_HASH, modules
from sealgrid.web.pages import (
    account,
    app_selling,
    apps,
    client_sealed,
    compute,
    model_selling,
    models,
    pool,
    task,
    tasks,
    uses,
    wallet,
)
from sealgrid.web.signing_steps import HEADER
from sealgrid.web.site import Ask, Site
from sealgrid.wire.server import limit_and_check_origin, log_unexpected_error
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess

#: Everything comes from this site; nothing inline runs, nobody may frame a page, a form goes nowhere else.
#: The one inline text is the map of the pinned modules, by its hash; pictures of opened results have no address at all.
POLICY = (
    f"default-src 'none'; script-src 'self' 'sha256-{MAP_HASH}'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_STATIC = Path(__file__).with_name("static")
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def application(site: Site, libraries: Path, access: ServiceAccess = DEFAULT_ACCESS) -> Litestar:
    """Return the application; ``libraries`` holds the pinned scripts of others."""

    def problem(request: Ask, error: SealgridError) -> Response[bytes]:
        said = f"Check ({error.check}): {error.message}" if isinstance(error, CheckFailed) else error.message
        answer = _problem(site, request, said, error.money, error.http_status)
        if isinstance(error, TooManyRequests) and error.seconds:
            answer.headers["retry-after"] = str(error.seconds)
        return answer

    def refused(request: Ask, error: HTTPException) -> Response[bytes]:
        return _problem(site, request, error.detail, "", error.status_code)

    def unforeseen(request: Ask, error: Exception) -> Response[bytes]:
        log_unexpected_error(error)
        said = f"The site failed ({type(error).__name__}); its log says more."
        return _problem(site, request, said, "", 500)

    rooms = (
        apps,
        app_selling,
        models,
        model_selling,
        uses,
        compute,
        pool,
        tasks,
        task,
        account,
        wallet,
        client_sealed,
        chain_view,
    )
    return Litestar(
        route_handlers=[_static(libraries), *(handler for room in rooms for handler in room.handlers(site))],
        before_request=limit_and_check_origin(access),
        after_request=_guarded,
        exception_handlers={SealgridError: problem, HTTPException: refused, Exception: unforeseen},
        request_max_body_size=MOST_UPLOAD,
        logging_config=None,
        openapi_config=None,
    )


def _static(libraries: Path) -> HTTPRouteHandler:
    files = {file.name: (file.read_bytes(), _KINDS[file.suffix]) for file in _STATIC.iterdir() if file.suffix in _KINDS}
    files |= {name: (content, _KINDS[".js"]) for name, content in modules(libraries).items()}
    files["htmx.js"] = (libraries / "htmx" / "dist" / "htmx.min.js").read_bytes(), _KINDS[".js"]
    files["sse.js"] = (libraries / "htmx-sse" / "dist" / "sse.js").read_bytes(), _KINDS[".js"]

    @get("/static/{name:path}")
    async def static(name: str) -> Response[bytes]:
        if name.removeprefix("/") not in files:
            raise NotFound("there is no such file.", money="")
        content, kind = files[name.removeprefix("/")]
        return Response(content, media_type=kind, headers={"cache-control": "max-age=300"})

    return static


def _guarded(response: Response[bytes]) -> Response[bytes]:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _problem(site: Site, request: Ask, said: str, money: str, status: int) -> Response[bytes]:
    if HEADER in request.headers:
        return _guarded(Response(msgspec.json.encode({"said": f"{said} {money}".strip()}), status_code=status))
    back = request.headers.get("referer", "/") if request.method == "POST" else "/"
    heading = "Not here" if status == HTTP_404_NOT_FOUND else "That did not work"
    context = {"heading": heading, "said": said, "money": money, "back": back}
    return _guarded(site.page(request, "problem.html", context, status=status))
