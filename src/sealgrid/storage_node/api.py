"""HTTP API of a storage node (docs/protocol/storage.md)."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from litestar import MediaType, Request, Response, get, head, patch, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import CallRefused, InputRefused
from sealgrid.storage.local_files import LocalFiles
from sealgrid.storage_node.admission import UploadAdmission
from sealgrid.storage_node.kubo_add import kubo_add_handler
from sealgrid.storage_node.removal import RemovalAdmission
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.units import Digest
from sealgrid.wire.chain_view import FileAddresses
from sealgrid.wire.message import parse
from sealgrid.wire.server import compressed_response, json_response
from sealgrid.wire.service_access import client_address
from sealgrid.wire.storage import (
    PIECE_BYTES,
    NodeClock,
    RemovalAnswer,
    ResultOpenedNotice,
    SignedRemoval,
    StoredFileInfo,
    UploadStatus,
)

OCTETS = "application/octet-stream"
#: Stored content is untrusted: browsers must save it, not run it as a page or script of this site.
INERT = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}
AnyRequest = Request[object, object, State]


def handlers(
    files: LocalFiles,
    uploads: UploadStore,
    admission: UploadAdmission,
    removals: RemovalAdmission,
    silence_seconds: float,
) -> list[HTTPRouteHandler]:
    """Return the handlers; Kubo uploads that are silent for ``silence_seconds`` seconds fail."""
    return [
        *_upload_handlers(uploads, admission),
        _removal_handler(uploads, removals),
        *_read_handlers(files, uploads),
        *_gateway_handlers(files, uploads),
        kubo_add_handler(uploads, admission, silence_seconds),
    ]


def _upload_handlers(uploads: UploadStore, admission: UploadAdmission) -> list[HTTPRouteHandler]:
    @post("/uploads")
    async def begin(request: AnyRequest) -> Response[bytes]:
        admitted = await admission.admit(await request.body(), client_address(request.scope))
        return json_response(UploadStatus(upload=uploads.begin(admitted)))

    @get("/clock")
    async def clock() -> Response[bytes]:
        return json_response(NodeClock(seconds=admission.seconds()))

    @patch("/uploads/{upload:str}")
    async def append(upload: FromPath[str], request: AnyRequest) -> Response[bytes]:
        await uploads.append(upload, await request.body())
        return json_response({})

    @patch("/uploads/{upload:str}/{offset:int}")
    async def append_at(upload: FromPath[str], offset: FromPath[int], request: AnyRequest) -> Response[bytes]:
        await uploads.append(upload, await request.body(), offset)
        return json_response({})

    @post("/uploads/{upload:str}/end")
    async def finish(upload: FromPath[str]) -> Response[bytes]:
        sha256, size = await uploads.finish(upload)
        return json_response(StoredFileInfo(sha256=sha256, cid=cid_of(sha256), size=size))

    @post("/files/{sha256:str}/opened")
    async def opened(sha256: FromPath[str], request: AnyRequest) -> Response[bytes]:
        notice = parse(await request.body(), ResultOpenedNotice)
        if notice.opened.file_sha256 != sha256 or not admission.is_signed(notice):
            raise CallRefused("opened", "the reader of this file did not sign that it opened it.")
        uploads.mark_opened(notice.opened.file_sha256, notice.opened.reader)
        return json_response({})

    return [begin, clock, append, append_at, finish, opened]


def _removal_handler(uploads: UploadStore, removals: RemovalAdmission) -> HTTPRouteHandler:
    @post("/files/{sha256:str}/removal")
    async def remove(sha256: FromPath[str], request: AnyRequest) -> Response[bytes]:
        signed, digest = parse(await request.body(), SignedRemoval), Digest(sha256)
        cids = (cid_of(digest), *uploads.names.cids_of(digest))
        admitted = await removals.admit(signed, FileAddresses(sha256=digest, cids=cids))
        return json_response(RemovalAnswer(kept_for=uploads.remove(digest, admitted.accounts, admitted.issued)))

    return remove


def _read_handlers(files: LocalFiles, uploads: UploadStore) -> list[HTTPRouteHandler]:
    @get("/files/{sha256:str}")
    async def stat(sha256: FromPath[str]) -> Response[bytes]:
        digest = Digest(sha256)
        uploads.read(digest)
        return json_response(StoredFileInfo(size=await files.size(digest), sha256=digest, cid=cid_of(digest)))

    @get("/files/{sha256:str}/{offset:int}/{length:int}")
    async def read(
        sha256: FromPath[str], offset: FromPath[int], length: FromPath[int], request: AnyRequest
    ) -> Response[bytes]:
        if offset < 0 or not 0 < length <= PIECE_BYTES:
            raise InputRefused(f"ask for 1 to {PIECE_BYTES} bytes from an offset of at least 0.")
        if offset == 0:
            uploads.read(Digest(sha256))
        return compressed_response(request, await files.read(Digest(sha256), offset, length), OCTETS)

    return [stat, read]


def _gateway_handlers(files: LocalFiles, uploads: UploadStore) -> list[HTTPRouteHandler]:
    @get("/ipfs/{cid:str}")
    async def download(cid: FromPath[str]) -> Stream:
        digest = uploads.names.digest(cid)
        uploads.read(digest)
        size = await files.size(digest)  # raises NotFound before the stream starts
        return Stream(_content(files, digest), media_type=OCTETS, headers=INERT | {"content-length": str(size)})

    @head("/ipfs/{cid:str}")
    async def stat(cid: FromPath[str]) -> Response[None]:
        size = await files.size(uploads.names.digest(cid))
        return Response(None, media_type=MediaType.TEXT, headers={"content-length": str(size)})

    return [download, stat]


async def _content(files: LocalFiles, digest: Digest) -> AsyncIterator[bytes]:
    async with aclosing(files.pieces(digest)) as pieces:
        async for piece in pieces:
            yield piece
