"""Run a storage node: serve, and remove uploads that nobody finishes."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from litestar import Litestar

from sealgrid.storage.folder import Folder
from sealgrid.storage.local import LocalFiles
from sealgrid.storagenode.api import handlers
from sealgrid.storagenode.config import StorageNodeConfig
from sealgrid.storagenode.kubo import Adds
from sealgrid.storagenode.names import Names
from sealgrid.storagenode.uploads import EMPTY_SECONDS, Uploads
from sealgrid.wire.serving import cors, readable_by_pages, serve, service
from sealgrid.wire.storage import PIECE_BYTES


async def run(config: StorageNodeConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called once requests are answered."""
    app, uploads = build(config)
    sweeping = asyncio.create_task(_sweep(uploads, min(EMPTY_SECONDS, config.upload_seconds) / 4))
    try:
        await serve(app, sock, ready, config.access)
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        uploads.close()


def build(config: StorageNodeConfig) -> tuple[Litestar, Uploads]:
    """Return the node's application and its open uploads."""
    folder = Folder(config.folder, file_limit=config.file_limit, total_limit=config.total_limit)
    uploads = Uploads(folder, silence=config.upload_seconds, at_most=config.open_uploads)
    names, adds = Names(config.folder / "names"), Adds(config.upload_seconds, config.open_uploads)
    app = service(
        handlers(LocalFiles(folder), uploads, names, adds), max_body=PIECE_BYTES,
        access=config.access, pages=readable_by_pages(config.access, "/ipfs/"), cors=cors("GET"),
    )  # fmt: skip
    return app, uploads


async def _sweep(uploads: Uploads, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        uploads.sweep(time.monotonic())
