"""The public network file, which ``sealgrid network join`` reads."""

import msgspec
from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler

from sealgrid.sdk.network import NETWORK_PATH, published
from sealgrid.web.site import Site


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handler."""
    content = msgspec.json.format(msgspec.json.encode(published(site.network)))

    @get(NETWORK_PATH)
    async def network() -> Response[bytes]:
        return Response(content, media_type=MediaType.JSON)

    return [network]
