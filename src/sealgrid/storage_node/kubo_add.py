"""Kubo's ``POST /api/v0/add`` (Kubo RPC API v0) with Kubo's default options only."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from sealgrid.crypto.unixfs import FileAddress
from sealgrid.errors import InputRefused
from sealgrid.storage_node.admission import AdmittedUpload, UploadAdmission
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.wire.service_access import client_address
from sealgrid.wire.storage import PIECE_BYTES

#: Options that change the CID, with the values that mean Kubo's defaults.
_KUBO_DEFAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "cid-version": ("0",),
    "raw-leaves": ("false",),
    "chunker": ("size-262144",),
    "hash": ("sha2-256",),
    "trickle": ("false",),
    "inline": ("false",),
    "only-hash": ("false",),
    "wrap-with-directory": ("false",),
}

_UNSUPPORTED_TYPES: Final = frozenset({"application/x-directory", "application/symlink"})


class KuboAddReply(msgspec.Struct, frozen=True, rename="pascal"):
    """Kubo's answer; ``size`` is decimal text."""

    name: str
    hash: str
    size: str


def kubo_add_handler(uploads: UploadStore, admission: UploadAdmission, silence_seconds: float) -> HTTPRouteHandler:
    """Return the handler; it streams the file to disk and counts it for the network address."""

    @post("/api/v0/add", request_max_body_size=None)  # the folder limits the size
    async def add(request: Request[Any, Any, Any]) -> Response[bytes]:
        for name, values in _KUBO_DEFAULTS.items():
            if request.query_params.get(name, values[0]) not in values:
                raise InputRefused(f"this node adds files with Kubo's default {name} only: {values[0]}.")
        upload = uploads.begin(AdmittedUpload(admission.address_client(client_address(request.scope))))
        try:
            address = FileAddress()
            async for piece in _read_single_file(request, silence_seconds):
                await uploads.append(upload, piece)
                await asyncio.to_thread(address.write, piece)
            cid = await asyncio.to_thread(address.cid)
            _, size = await uploads.finish(upload, cid)
        except BaseException:
            uploads.drop(upload)
            raise
        reply = msgspec.json.encode(KuboAddReply(name=cid, hash=cid, size=str(size)))
        return Response(reply + b"\n", status_code=200, media_type="application/json")

    return add


async def _read_single_file(request: Request[Any, Any, Any], silence_seconds: float) -> AsyncIterator[bytes]:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise InputRefused("send one file as multipart/form-data.")
    files = 0
    try:
        with PushMultipartParser(options["boundary"], max_segment_count=1) as parser:
            async for chunk in _with_timeout(request.stream(), silence_seconds):
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        _check_is_file(event)
                        files += 1
                    elif event:
                        for start in range(0, len(event), PIECE_BYTES):
                            yield bytes(event[start : start + PIECE_BYTES])
    except MultipartError as error:
        raise InputRefused(f"this is not one file as multipart/form-data: {error}.") from error
    if not files:
        raise InputRefused("no file was sent.")


def _check_is_file(segment: MultipartSegment) -> None:
    # Kubo clients send a folder as an empty part, which must not become an empty file.
    if segment.content_type in _UNSUPPORTED_TYPES:
        raise InputRefused("this node adds single files, not folders or links; pack them into one file.")


async def _with_timeout(stream: AsyncIterator[bytes], silence_seconds: float) -> AsyncIterator[bytes]:
    try:
        while True:
            async with asyncio.timeout(silence_seconds):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield chunk
    except TimeoutError as error:
        raise InputRefused(f"no data arrived for {silence_seconds:.0f} seconds; add the file again.") from error
