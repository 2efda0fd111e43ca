"""A market's paths, spelled as iExec's market API spells them.

Pages of any site may use it: all that it tells is public, and whoever writes proves it by a signature that no page has.
"""

from importlib.metadata import version

import msgspec
from litestar import Litestar, MediaType, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send

from sealgrid.errors import InputRefused, NotFound
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed.feed import PATH
from sealgrid.market.feed.limits import FeedLimits
from sealgrid.market.openapi import description
from sealgrid.market.service import OrderService
from sealgrid.units import to_address
from sealgrid.wire.challenge import read_token
from sealgrid.wire.market import Kind, PublishReply, PublishRequest, UnpublishReply, UnpublishRequest
from sealgrid.wire.message import encode, parse
from sealgrid.wire.server import any_page, cors, service

Ask = Request[object, object, State]


def application(desk: OrderService, config: MarketConfig) -> ASGIApp:
    """Return the application of one market: its feed at one path, and all others."""
    api, feed = _api(desk, config), FeedLimits(desk.feed, config)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        is_feed = scope.get("path", "").rstrip("/") == PATH
        await (feed if is_feed else api)(scope, receive, send)

    return both


def _api(desk: OrderService, config: MarketConfig) -> Litestar:
    chain = config.network.chain
    return service(
        [*_orders(desk, chain), *_deals(desk, chain), *_about(desk, chain)],
        max_body=config.largest_body,
        access=config.access,
        pages=any_page,
        cors=cors("GET", "POST", "PUT"),
        mark={"ok": False},
    )


def _orders(desk: OrderService, chain: int) -> list[HTTPRouteHandler]:
    @get("/{kind:str}")
    async def find(kind: FromPath[str], request: Ask) -> Response[bytes]:
        return _json(desk.orders(_kind(kind), _asked(request, chain)))

    @get("/{kind:str}/{order:str}")
    async def look_up(kind: FromPath[str], order: FromPath[str], request: Ask) -> Response[bytes]:
        _asked(request, chain)
        return _json(desk.order(_kind(kind), order))

    @post("/{kind:str}")
    async def publish(kind: FromPath[str], request: Ask) -> Response[bytes]:
        _asked(request, chain)
        which, token = _kind(kind), read_token(request.headers.get("authorization"))
        published = await desk.publish(which, parse(await request.body(), PublishRequest).order, token)
        return _json(PublishReply(ok=True, published=published))

    @put("/{kind:str}")
    async def unpublish(kind: FromPath[str], request: Ask) -> Response[bytes]:
        _asked(request, chain)
        which, token = _kind(kind), read_token(request.headers.get("authorization"))
        gone = await desk.unpublish(which, parse(await request.body(), UnpublishRequest), token)
        return _json(UnpublishReply(ok=True, unpublished=gone))

    return [find, look_up, publish, unpublish]


def _deals(desk: OrderService, chain: int) -> list[HTTPRouteHandler]:
    @get("/deals")
    async def deals(request: Ask) -> Response[bytes]:
        return _json(desk.deals(_asked(request, chain)))

    @get("/deals/{deal:str}")
    async def deal(deal: FromPath[str], request: Ask) -> Response[bytes]:
        _asked(request, chain)
        return _json(desk.deal(deal))

    @get("/ohlc")
    async def prices(request: Ask) -> Response[bytes]:
        return _json(desk.prices(_asked(request, chain)))

    return [deals, deal, prices]


def _about(desk: OrderService, chain: int) -> list[HTTPRouteHandler]:
    @get("/challenge")
    async def challenge(request: Ask) -> Response[bytes]:
        asked = _asked(request, chain)
        try:
            address = to_address(asked.get("address", ""))
        except ValueError as error:
            raise InputRefused("address is not a valid ethereum address: give 0x and 40 hex digits.") from error
        return _json({"ok": True, "data": await desk.doorman.challenge(address)})

    @get("/version")
    async def which_version() -> Response[bytes]:
        return _json({"ok": True, "version": version("sealgrid")})

    @get("/docs")
    async def docs() -> Response[bytes]:
        return _json(description(version("sealgrid")))

    @get("/metrics")
    async def metrics(request: Ask) -> Response[bytes]:
        _asked(request, chain)
        counts: dict[str, int] = {kind: desk.chain.book.count(kind) for kind in KINDS}
        blocks = {"lastBlock": desk.chain.block, "checkpointBlock": desk.chain.block}
        return _json({"ok": True} | blocks | counts)

    @get("/categories")
    async def categories(request: Ask) -> Response[bytes]:
        return _json(await desk.categories(_asked(request, chain)))

    @get("/categories/{number:str}")
    async def category(number: FromPath[str], request: Ask) -> Response[bytes]:
        _asked(request, chain)
        return _json(await desk.category(number))

    return [challenge, which_version, docs, metrics, categories, category]


def _kind(text: str) -> Kind:
    try:
        kind: Kind = msgspec.convert(text, Kind)
    except msgspec.ValidationError as error:
        raise NotFound(f"there is no /{text[:40]} here.") from error
    return kind


def _asked(request: Ask, chain: int) -> dict[str, str]:
    asked = {name: str(value) for name, value in request.query_params.items()}
    named = asked.pop("chainId", None)
    if named is None:
        raise InputRefused("chainId is a required field")
    if named != str(chain):
        raise InputRefused(f"chainId {named[:20]} is not supported; this market is for chain {chain}.")
    return asked


def _json(message: object) -> Response[bytes]:
    return Response(encode(message), status_code=200, media_type=MediaType.JSON)
