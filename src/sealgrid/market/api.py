"""HTTP API of a market, compatible with iExec's market API.

Cross-origin requests from any site are allowed: all answers are public, and writes need a signature.
"""

from importlib.metadata import version

import msgspec
from litestar import Request, Response, get, post, put
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
from sealgrid.wire.message import parse
from sealgrid.wire.server import allow_every_site, cors_config, create_app, json_response

MarketRequest = Request[object, object, State]


def application(order_service: OrderService, config: MarketConfig) -> ASGIApp:
    """Return the ASGI application of one market: the feed at ``/ws``, the HTTP API at all other paths."""
    chain = config.network.chain
    api = create_app(
        [
            *_order_handlers(order_service, chain),
            *_deal_handlers(order_service, chain),
            *_market_handlers(order_service, chain),
        ],
        max_body=config.largest_body,
        access=config.access,
        origin_check=allow_every_site,
        cors=cors_config("GET", "POST", "PUT"),
        error_fields={"ok": False},
    )
    feed = FeedLimits(order_service.feed, config)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        is_feed = scope.get("path", "").rstrip("/") == PATH
        await (feed if is_feed else api)(scope, receive, send)

    return route


def _order_handlers(order_service: OrderService, chain: int) -> list[HTTPRouteHandler]:
    @get("/{kind:str}")
    async def find(kind: FromPath[str], request: MarketRequest) -> Response[bytes]:
        return json_response(await order_service.orders(_kind(kind), _query(request, chain)))

    @get("/{kind:str}/{order:str}")
    async def order_by_hash(kind: FromPath[str], order: FromPath[str], request: MarketRequest) -> Response[bytes]:
        _query(request, chain)
        return json_response(await order_service.order(_kind(kind), order))

    @post("/{kind:str}")
    async def publish(kind: FromPath[str], request: MarketRequest) -> Response[bytes]:
        _query(request, chain)
        order_kind, token = _kind(kind), read_token(request.headers.get("authorization"))
        published = await order_service.publish(order_kind, parse(await request.body(), PublishRequest).order, token)
        return json_response(PublishReply(ok=True, published=published))

    @put("/{kind:str}")
    async def unpublish(kind: FromPath[str], request: MarketRequest) -> Response[bytes]:
        _query(request, chain)
        order_kind, token = _kind(kind), read_token(request.headers.get("authorization"))
        removed = await order_service.unpublish(order_kind, parse(await request.body(), UnpublishRequest), token)
        return json_response(UnpublishReply(ok=True, unpublished=removed))

    return [find, order_by_hash, publish, unpublish]


def _deal_handlers(order_service: OrderService, chain: int) -> list[HTTPRouteHandler]:
    @get("/deals")
    async def deals(request: MarketRequest) -> Response[bytes]:
        return json_response(await order_service.deals(_query(request, chain)))

    @get("/deals/{deal:str}")
    async def deal(deal: FromPath[str], request: MarketRequest) -> Response[bytes]:
        _query(request, chain)
        return json_response(await order_service.deal(deal))

    @get("/ohlc")
    async def prices(request: MarketRequest) -> Response[bytes]:
        return json_response(await order_service.prices(_query(request, chain)))

    return [deals, deal, prices]


def _market_handlers(order_service: OrderService, chain: int) -> list[HTTPRouteHandler]:
    @get("/challenge")
    async def challenge(request: MarketRequest) -> Response[bytes]:
        params = _query(request, chain)
        try:
            address = to_address(params.get("address", ""))
        except ValueError as error:
            raise InputRefused("address is not a valid ethereum address: give 0x and 40 hex digits.") from error
        return json_response({"ok": True, "data": await order_service.authenticator.issue(address)})

    @get("/version")
    async def which_version() -> Response[bytes]:
        return json_response({"ok": True, "version": version("sealgrid")})

    @get("/docs")
    async def docs() -> Response[bytes]:
        return json_response(description(version("sealgrid")))

    @get("/metrics")
    async def metrics(request: MarketRequest) -> Response[bytes]:
        _query(request, chain)
        counts: dict[str, int] = {kind: order_service.chain.book.count(kind) for kind in KINDS}
        blocks = {"lastBlock": order_service.chain.block, "checkpointBlock": order_service.chain.block}
        return json_response({"ok": True} | blocks | counts)

    @get("/categories")
    async def categories(request: MarketRequest) -> Response[bytes]:
        return json_response(await order_service.categories(_query(request, chain)))

    @get("/categories/{number:str}")
    async def category(number: FromPath[str], request: MarketRequest) -> Response[bytes]:
        _query(request, chain)
        return json_response(await order_service.category(number))

    return [challenge, which_version, docs, metrics, categories, category]


def _kind(text: str) -> Kind:
    try:
        kind: Kind = msgspec.convert(text, Kind)
    except msgspec.ValidationError as error:
        raise NotFound(f"there is no /{text[:40]} here.") from error
    return kind


def _query(request: MarketRequest, chain: int) -> dict[str, str]:
    params = {name: str(value) for name, value in request.query_params.items()}
    named = params.pop("chainId", None)
    if named is None:
        raise InputRefused("chainId is a required field")
    if named != str(chain):
        raise InputRefused(f"chainId {named[:20]} is not supported; this market is for chain {chain}.")
    return params
