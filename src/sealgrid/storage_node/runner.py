"""Runs a storage node: HTTP server and maintenance (silent uploads, expired files, chain references)."""

import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import httpx
from litestar import Litestar

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import SealgridError
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage_node.admission import UploadAdmission
from sealgrid.storage_node.api import handlers
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.hold_store import HoldStore
from sealgrid.storage_node.ipfs_names import IpfsNames
from sealgrid.storage_node.quota_types import ClientKind, FileHold, StorageLimits
from sealgrid.storage_node.quotas import StorageQuotas
from sealgrid.storage_node.removal import RemovalAdmission
from sealgrid.storage_node.repair import RETRY_SECONDS, FileRepair
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.chain_view import MAX_FILES_PER_REQUEST, ChainViewClient, FileAddresses
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.server import allow_cross_site_reads, cors_config, create_app, log_unexpected_error
from sealgrid.wire.service_monitor import ServiceMonitor
from sealgrid.wire.storage import NODE_SECONDS, PIECE_BYTES, StorageClient

TICK_SECONDS: Final = 2.5
EXPIRE_TICKS: Final = 24  #: expired files are removed once a minute
UNRECORDED: Final = "unrecorded"  #: client of files without a record


async def run(config: StorageNodeConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called when the server accepts requests."""
    monitor = ServiceMonitor("storage")
    async with open_app(config, monitor) as app:
        await serve_monitored(app, sock, ready, config.access, monitor)


@contextlib.asynccontextmanager
async def open_app(
    config: StorageNodeConfig, monitor: ServiceMonitor | None = None, *, http: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Litestar]:
    """Yield the application; maintain its files until the context ends. ``http`` as in ``HttpTransport``."""
    async with contextlib.AsyncExitStack() as stack:
        chain = None
        if config.chain_url:
            name = "the service that reads the chain"
            transport = HttpTransport(config.chain_url, name=name, timeout=5.0, http=http)
            chain = ChainViewClient(await stack.enter_async_context(transport))
        app, uploads = create_node(config, chain)
        stack.callback(uploads.close)
        repair = None
        if config.others:
            others = RemoteFiles(*[await _reader(stack, url, http) for url in config.others])
            repair = FileRepair(uploads, others, UploadAdmission(config, chain, time.time), chain)
        if monitor is not None:
            if repair is not None:
                monitor.add_gauge(
                    "missing_files", "Files that the node lacks, by why it should have them.", repair.missing
                )
            monitor.add_gauge("stored_bytes", "Bytes on disk, by kind of client.", lambda: _stored_bytes(uploads))
            monitor.add_check("folder", lambda: asyncio.to_thread(_write_probe, config.folder))
        tasks = [asyncio.create_task(_maintain(uploads, chain, min(TICK_SECONDS, config.upload_seconds / 4)))]
        if repair is not None:
            tasks.append(asyncio.create_task(_repair(repair)))
        try:
            yield app
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def create_node(
    config: StorageNodeConfig, chain: ChainViewClient | None = None, clock: Callable[[], float] = time.time
) -> tuple[Litestar, UploadStore]:
    """Return the application and its uploads; ``clock`` returns Unix seconds."""
    folder = ContentFolder(config.folder, file_limit=config.file_limit, total_limit=config.total_limit)
    records, names = HoldStore(config.folder / "holds.sqlite"), IpfsNames(config.folder / "names")
    limits = StorageLimits(
        config.total_limit, config.total_files, config.open_uploads, silence_seconds=config.upload_seconds
    )
    # What the disk has lost keeps its room here, where other nodes may give it back.
    known = [hold for hold in records.holds() if config.others or folder.holds(hold.file)]
    unrecorded = set(folder.digests()) - {hold.file for hold in known}
    until = clock() + limits.account_seconds
    without_record = [
        FileHold(file, UNRECORDED, ClientKind.ACCOUNT, folder.disk_bytes(file), clock(), until)
        for file in sorted(unrecorded)
    ]
    quotas = StorageQuotas(
        limits, checks_chain=chain is not None, holds=[*known, *without_record], named=records.named()
    )
    uploads = UploadStore(folder, quotas, records, names, clock)
    admission = UploadAdmission(config, chain, clock)
    removals = RemovalAdmission(config.domain, chain, clock)
    app = create_app(
        handlers(LocalFiles(folder), uploads, admission, removals, config.upload_seconds),
        max_body=PIECE_BYTES,
        access=config.access,
        origin_check=allow_cross_site_reads(config.access, "/ipfs/"),
        cors=cors_config("GET"),
    )
    return app, uploads


async def update_chain_references(uploads: UploadStore, chain: ChainViewClient, now: float) -> None:
    """Check which files assets on the chain name; raise ServiceUnavailable."""
    files = uploads.quotas.due_for_chain_check(now, MAX_FILES_PER_REQUEST)
    if files:
        addresses = tuple(
            FileAddresses(sha256=file, cids=(cid_of(file), *uploads.names.cids_of(file))) for file in files
        )
        uploads.apply(uploads.quotas.apply_chain_answer(files, await chain.named(addresses), now))


async def _maintain(uploads: UploadStore, chain: ChainViewClient | None, every: float) -> None:
    ticks = 0
    while True:
        await asyncio.sleep(every)
        try:
            uploads.tick()
            if ticks % EXPIRE_TICKS == 0:
                uploads.expire()
            if chain is not None:
                await update_chain_references(uploads, chain, time.time())
        except SealgridError:
            pass  # without the chain nothing is removed; the next tick tries again
        except Exception as error:  # noqa: BLE001  without maintenance the store would fill
            log_unexpected_error(error)
        ticks += 1


async def _repair(repair: FileRepair) -> None:
    while True:
        try:
            await repair.run()
        except Exception as error:  # noqa: BLE001  the node serves what it has
            log_unexpected_error(error)
            await asyncio.sleep(RETRY_SECONDS)


async def _reader(stack: contextlib.AsyncExitStack, url: str, http: httpx.AsyncBaseTransport | None) -> StorageClient:
    transport = HttpTransport(url, name="another storage node", timeout=NODE_SECONDS, http=http)
    return StorageClient(await stack.enter_async_context(transport), url=url)


def _stored_bytes(uploads: UploadStore) -> dict[str, float]:
    return {kind.name.lower(): uploads.quotas.used(kind)[0] for kind in ClientKind}


def _write_probe(folder: Path) -> None:
    """Raise OSError where no file can be written."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"probe")
