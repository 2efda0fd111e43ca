"""A market's paths, spelled as iExec's market API spells them."""

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused, NotFound
from sealgrid.market.desk import PAGE, Desk
from sealgrid.units import Digest
from sealgrid.wire.market import Kind, Publish, Published, PublishReply
from sealgrid.wire.message import encode, parse

Ask = Request[object, object, State]


def handlers(desk: Desk, chain: int) -> list[HTTPRouteHandler]:
    """Return the handlers of one market."""

    @post("/{kind:str}")
    async def publish(kind: FromPath[str], request: Ask) -> Response[bytes]:
        _filters(request, chain)
        name = await desk.publish(_kind(kind), parse(await request.body(), Publish).order)
        return _json(PublishReply(ok=True, published=Published(orderHash=name)))

    @get("/{kind:str}")
    async def orders(kind: FromPath[str], request: Ask) -> Response[bytes]:
        filters = _filters(request, chain)
        page, size = _number(filters, "pageIndex", 0), _number(filters, "pageSize", PAGE)
        return _json(await desk.orders(_kind(kind), filters, page=page, size=size))

    @get("/{kind:str}/{name:str}")
    async def order(kind: FromPath[str], name: FromPath[str], request: Ask) -> Response[bytes]:
        _filters(request, chain)
        return _json(await desk.order(_kind(kind), Digest(name.lower())))

    return [publish, orders, order]


def _kind(text: str) -> Kind:
    try:
        kind: Kind = msgspec.convert(text, Kind)
    except msgspec.ValidationError as error:
        raise NotFound(f"there is no /{text[:40]} here.") from error
    return kind


def _filters(request: Ask, chain: int) -> dict[str, str]:
    filters = {name: str(value) for name, value in request.query_params.items()}
    if (asked := filters.pop("chainId", str(chain))) != str(chain):
        raise InputRefused(f"this market is for chain {chain}, not {asked[:20]}.")
    return filters


def _number(filters: dict[str, str], name: str, otherwise: int) -> int:
    text = filters.pop(name, str(otherwise))
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InputRefused(f"{name} is a number.")
    return int(text)


def _json(message: object) -> Response[bytes]:
    return Response(encode(message), status_code=200, media_type=MediaType.JSON)
