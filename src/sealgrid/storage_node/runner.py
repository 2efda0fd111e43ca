"""Run a storage node: serve, remove what nobody finishes or names, ask what the chain names."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Final

from litestar import Litestar

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import SealgridError
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.storage_node.admission import UploadAdmission
from sealgrid.storage_node.api import handlers
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.hold_store import HoldStore
from sealgrid.storage_node.ipfs_names import IpfsNames
from sealgrid.storage_node.quota_types import ClientKind, FileHold, StorageLimits
from sealgrid.storage_node.quotas import StorageQuotas
from sealgrid.storage_node.uploads import UploadManager
from sealgrid.wire.chain_view import MOST_ASKED, ChainViewClient, FileAddresses
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.server import cors, log_unforeseen, readable_by_pages, serve, service
from sealgrid.wire.storage import PIECE_BYTES

TICK_SECONDS: Final = 2.5
EXPIRE_TICKS: Final = 24  #: files are looked at once a minute
UNRECORDED: Final = "unrecorded"  #: the client of files whose record was lost, or that are older than records


async def run(config: StorageNodeConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called once requests are answered."""
    async with contextlib.AsyncExitStack() as stack:
        chain = None
        if config.chain_url:
            reach = HttpTransport(config.chain_url, name="the service that reads the chain", patience=5.0)
            chain = ChainViewClient(await stack.enter_async_context(reach))
        app, uploads = build(config, chain)
        stack.callback(uploads.close)
        upkeep = asyncio.create_task(_upkeep(uploads, chain, min(TICK_SECONDS, config.upload_seconds / 4)))
        try:
            await serve(app, sock, ready, config.access)
        finally:
            upkeep.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await upkeep


def build(
    config: StorageNodeConfig, chain: ChainViewClient | None = None, clock: Callable[[], float] = time.time
) -> tuple[Litestar, UploadManager]:
    """Return the node's application and its uploads; ``clock`` is Unix seconds."""
    folder = ContentFolder(config.folder, file_limit=config.file_limit, total_limit=config.total_limit)
    records, names = HoldStore(config.folder / "holds.sqlite"), IpfsNames(config.folder / "names")
    limits = StorageLimits(config.total_limit, config.total_files, config.open_uploads, silence=config.upload_seconds)
    known = [hold for hold in records.holds() if folder.holds(hold.file)]
    unrecorded = set(folder.digests()) - {hold.file for hold in known}
    until = clock() + limits.account_seconds
    found = [
        FileHold(file, UNRECORDED, ClientKind.ACCOUNT, folder.disk_bytes(file), clock(), until)
        for file in sorted(unrecorded)
    ]
    quotas = StorageQuotas(limits, asks=chain is not None, holds=[*known, *found], named=records.named())
    uploads = UploadManager(folder, quotas, records, names, clock)
    admission = UploadAdmission(config, chain, clock)
    app = service(
        handlers(LocalFiles(folder), uploads, admission, config.upload_seconds),
        max_body=PIECE_BYTES,
        access=config.access,
        pages=readable_by_pages(config.access, "/ipfs/"),
        cors=cors("GET"),
    )
    return app, uploads


async def ask_chain(uploads: UploadManager, chain: ChainViewClient, now: float) -> None:
    """Ask which files the chain names, and keep those; raise ServiceUnavailable."""
    files = uploads.quotas.to_ask(now, MOST_ASKED)
    if files:
        asked = tuple(FileAddresses(sha256=file, cids=(cid_of(file), *uploads.names.of(file))) for file in files)
        uploads.carry_out(uploads.quotas.answered(files, await chain.named(asked), now))


async def _upkeep(uploads: UploadManager, chain: ChainViewClient | None, every: float) -> None:
    ticks = 0
    while True:
        await asyncio.sleep(every)
        try:
            uploads.tick()
            if ticks % EXPIRE_TICKS == 0:
                uploads.expire()
            if chain is not None:
                await ask_chain(uploads, chain, time.time())
        except SealgridError:
            pass  # a chain that cannot be asked removes nothing; it is asked again
        except Exception as error:  # noqa: BLE001  without upkeep the store would fill
            log_unforeseen(error)
        ticks += 1
