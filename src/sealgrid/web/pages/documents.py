"""The documentation, of the version that serves it."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import NotFound
from sealgrid.web.html.documents import INDEX, documents_folder, read_documents
from sealgrid.web.site import Site, WebRequest


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of ``/docs``."""
    documents = read_documents(documents_folder())

    def shown(request: WebRequest, path: str) -> Response[bytes]:
        if path not in documents:
            raise NotFound("there is no such page of the documentation.", money="")
        return site.page(request, "document.html", {"document": documents[path]})

    @get("/docs")
    async def index(request: WebRequest) -> Response[bytes]:
        return shown(request, INDEX)

    @get("/docs/{path:path}")
    async def document(path: FromPath[str], request: WebRequest) -> Response[bytes]:
        return shown(request, path.strip("/").removesuffix(".md"))

    return [index, document]
