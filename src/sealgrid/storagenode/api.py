"""A storage node's paths (docs/protocol/storage.md): every error is one JSON sentence."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from litestar import MediaType, Request, Response, get, head, patch, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import InputRefused
from sealgrid.storage.local import LocalFiles
from sealgrid.storagenode.kubo import Adds, adding
from sealgrid.storagenode.names import Names
from sealgrid.storagenode.uploads import Uploads
from sealgrid.units import Digest
from sealgrid.wire.message import encode
from sealgrid.wire.serving import packed
from sealgrid.wire.storage import PIECE_BYTES, Stored, Upload

OCTETS = "application/octet-stream"
#: Whatever a stranger stored is a file to be saved: no browser may take it for a page or a script of this site.
INERT = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}
Clock = Callable[[], float]
Ask = Request[object, object, State]


def handlers(
    files: LocalFiles, uploads: Uploads, names: Names, adds: Adds, clock: Clock = time.monotonic
) -> list[HTTPRouteHandler]:
    """Return the handlers of a node over one folder; ``clock`` is monotonic, in seconds."""
    return [*_writing(uploads, clock), *_reading(files), *_gateway(files, names), adding(files.folder, names, adds)]


def _writing(uploads: Uploads, clock: Clock) -> list[HTTPRouteHandler]:
    @post("/uploads")
    async def begin() -> Response[bytes]:
        return _json(Upload(upload=uploads.begin(clock())))

    @patch("/uploads/{upload:str}")
    async def append(upload: FromPath[str], request: Ask) -> Response[bytes]:
        await uploads.append(upload, await request.body(), clock())
        return _json({})

    @post("/uploads/{upload:str}/end")
    async def finish(upload: FromPath[str]) -> Response[bytes]:
        sha256, size = await uploads.finish(upload)
        return _json(Stored(sha256=sha256, cid=cid_of(sha256), size=size))

    return [begin, append, finish]


def _reading(files: LocalFiles) -> list[HTTPRouteHandler]:
    @get("/files/{sha256:str}")
    async def known(sha256: FromPath[str]) -> Response[bytes]:
        digest = Digest(sha256)
        return _json(Stored(size=await files.size(digest), sha256=digest, cid=cid_of(digest)))

    @get("/files/{sha256:str}/{offset:int}/{length:int}")
    async def read(
        sha256: FromPath[str], offset: FromPath[int], length: FromPath[int], request: Ask
    ) -> Response[bytes]:
        if offset < 0 or not 0 < length <= PIECE_BYTES:
            raise InputRefused(f"ask for 1 to {PIECE_BYTES} bytes from an offset of at least 0.")
        return packed(request, await files.read(Digest(sha256), offset, length), OCTETS)

    return [known, read]


def _gateway(files: LocalFiles, names: Names) -> list[HTTPRouteHandler]:
    @get("/ipfs/{cid:str}")
    async def whole(cid: FromPath[str]) -> Stream:
        digest = names.digest(cid)
        size = await files.size(digest)  # a missing file is an answer, not a broken stream
        return Stream(_content(files, digest), media_type=OCTETS, headers=INERT | {"content-length": str(size)})

    @head("/ipfs/{cid:str}")
    async def whether(cid: FromPath[str]) -> Response[None]:
        size = await files.size(names.digest(cid))
        return Response(None, media_type=MediaType.TEXT, headers={"content-length": str(size)})

    return [whole, whether]


async def _content(files: LocalFiles, digest: Digest) -> AsyncIterator[bytes]:
    async with aclosing(files.pieces(digest)) as pieces:
        async for piece in pieces:
            yield piece


def _json(message: object) -> Response[bytes]:
    return Response(encode(message), status_code=200, media_type=MediaType.JSON)
