"""A storage node over its life: a process, expiry, restarts."""

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import pytest

from sealgrid.errors import NotFound
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind
from sealgrid.storage_node.runner import create_node
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.storage import StorageClient, location
from tests.unit.storage_node.node_scene import Clock

NODE = """
import asyncio, sys
from pathlib import Path
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import run
from sealgrid.wire.server import listen
assert not {"web3", "eth_account"} & set(sys.modules)
sock = listen()
ready = lambda: print("ready", sock.getsockname()[1], flush=True)
asyncio.run(run(StorageNodeConfig(folder=Path(sys.argv[1])), sock, ready))
"""


async def test_a_node_serves_over_http_without_web3_and_ends_at_a_signal(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NODE, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line, port = (await process.stdout.readline()).decode().split()
    assert line == "ready"
    async with HttpTransport(f"http://127.0.0.1:{port}") as transport:
        client = StorageClient(transport)
        stored = await client.put(b"over the wire")
        assert await client.read(stored.sha256, 0, 100) == b"over the wire"
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode in {0, -signal.SIGTERM}


async def test_a_file_that_no_asset_names_is_removed_after_a_day(
    node: StorageClient, uploads_and_http: tuple[UploadStore, httpx.AsyncClient], clock: Clock
) -> None:
    uploads, _ = uploads_and_http
    stored = await node.put(b"unnamed")
    clock.now += 86_000
    uploads.expire()
    assert (await node.head(stored.sha256)).size == 7
    clock.now += 401
    uploads.expire()
    with pytest.raises(NotFound):
        await node.head(stored.sha256)


async def test_holds_survive_a_restart(config: StorageNodeConfig, node: StorageClient, clock: Clock) -> None:
    stored = await node.put(b"kept")
    _, again = create_node(config, clock=clock)
    (hold,) = again.quotas.holds(stored.sha256)
    assert (hold.kind, hold.stored, hold.until) == (ClientKind.ADDRESS, clock.now, clock.now + 86_400)
    again.close()


async def test_files_that_are_older_than_records_are_kept_for_long(config: StorageNodeConfig, clock: Clock) -> None:
    earlier = LocalFiles(ContentFolder(config.folder))
    stored = await earlier.put_bytes(b"from before")
    _, uploads = create_node(config, clock=clock)
    clock.now += 300 * 86_400
    uploads.expire()
    assert [hold.client for hold in uploads.quotas.holds(stored)] == ["unrecorded"]
    uploads.close()


async def test_a_node_keeps_its_files_over_a_restart(config: StorageNodeConfig, node: StorageClient) -> None:
    stored = await node.put(b"kept")
    app, _ = create_node(config)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as again:
        assert (await again.get(location(stored.sha256))).content == b"kept"
