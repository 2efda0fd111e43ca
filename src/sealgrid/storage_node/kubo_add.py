"""The one call of Kubo's API that uploaders use, ``POST /api/v0/add``, with Kubo's own defaults and no others."""

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
from sealgrid.storage_node.uploads import UploadManager
from sealgrid.wire.service_access import client_address
from sealgrid.wire.storage import PIECE_BYTES

#: What else an address depends on, with the values that mean Kubo's defaults.
_DEFAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "cid-version": ("0",),
    "raw-leaves": ("false",),
    "chunker": ("size-262144",),
    "hash": ("sha2-256",),
    "trickle": ("false",),
    "inline": ("false",),
    "only-hash": ("false",),
    "wrap-with-directory": ("false",),
}

_NO_FILES: Final = frozenset({"application/x-directory", "application/symlink"})


class KuboAddReply(msgspec.Struct, frozen=True, rename="pascal"):
    """Kubo's answer; ``size`` is decimal text."""

    name: str
    hash: str
    size: str


def adding(uploads: UploadManager, admission: UploadAdmission, silence: float) -> HTTPRouteHandler:
    """Return the handler; a file goes to the disk as it arrives, and its client is a network address."""

    @post("/api/v0/add", request_max_body_size=None)  # the folder's own limits hold
    async def add(request: Request[Any, Any, Any]) -> Response[bytes]:
        _check(request.query_params)
        upload = uploads.begin(AdmittedUpload(admission.of_address(client_address(request.scope))))
        try:
            address = FileAddress()
            async for piece in _only_file(request, silence):
                await uploads.append(upload, piece)
                await asyncio.to_thread(address.write, piece)
            cid = await asyncio.to_thread(address.cid)
            _, size = await uploads.finish(upload, cid)
        except BaseException:
            uploads.drop(upload)
            raise
        said = msgspec.json.encode(KuboAddReply(name=cid, hash=cid, size=str(size)))
        return Response(said + b"\n", status_code=200, media_type="application/json")

    return add


def _check(asked: Mapping[str, Any]) -> None:
    for name, values in _DEFAULTS.items():
        if asked.get(name, values[0]) not in values:
            raise InputRefused(f"this node adds files with Kubo's default {name} only: {values[0]}.")


async def _only_file(request: Request[Any, Any, Any], silence: float) -> AsyncIterator[bytes]:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise InputRefused("send one file as multipart/form-data.")
    found = 0
    try:
        with PushMultipartParser(options["boundary"], max_segment_count=1) as parser:
            async for chunk in _while_it_speaks(request.stream(), silence):
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        _demand_file(event)
                        found += 1
                    elif event:
                        for start in range(0, len(event), PIECE_BYTES):
                            yield bytes(event[start : start + PIECE_BYTES])
    except MultipartError as error:
        raise InputRefused(f"this is not one file as multipart/form-data: {error}.") from error
    if not found:
        raise InputRefused("no file was sent.")


def _demand_file(segment: MultipartSegment) -> None:
    # Kubo's clients send a folder as a part without content: taken for a file, it would get an empty file's address.
    if segment.content_type in _NO_FILES:
        raise InputRefused("this node adds files, no folders or links; pack them into one file.")


async def _while_it_speaks(stream: AsyncIterator[bytes], silence: float) -> AsyncIterator[bytes]:
    try:
        while (chunk := await asyncio.wait_for(anext(stream, None), silence)) is not None:
            yield chunk
    except TimeoutError as error:
        raise InputRefused(f"nothing came for {silence:.0f} seconds; add the file again.") from error
