"""Uploads in progress: their limits, and abandoned ones."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from sealgrid.errors import FileTooLarge, InputRefused, NotFound, ServiceUnavailable
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.wire.message import Transport
from sealgrid.wire.storage import PIECE_BYTES, StorageClient
from tests.unit.storage_node.node_scene import Clock, digest


async def test_a_file_over_the_limit_is_refused_and_its_space_is_free_again(
    node: StorageClient, uploads_and_http: tuple[UploadStore, httpx.AsyncClient]
) -> None:
    with pytest.raises(FileTooLarge, match=f"at most {4 * PIECE_BYTES} bytes"):
        await node.put(bytes(4 * PIECE_BYTES + 1))
    assert uploads_and_http[0].quotas.used(ClientKind.ADDRESS) == (0, 0, 0)
    assert (await node.put(bytes(4 * PIECE_BYTES))).size == 4 * PIECE_BYTES


async def test_a_client_with_too_many_open_uploads_is_refused_and_its_others_go_on(
    node: StorageClient, http: httpx.AsyncClient, config: StorageNodeConfig
) -> None:
    own = await node.begin(5)
    await node.append(own, b"mo", 0)
    for _ in range(config.address_uploads - 1):
        await node.begin(0)
    refused = await http.post("/uploads")
    assert (refused.status_code, refused.json()["type"]) == (429, "QuotaReached")
    await node.append(own, b"del", 2)
    assert (await node.finish(own)).sha256 == digest(b"model")


async def test_an_abandoned_upload_is_removed_and_one_in_use_is_not(
    node: StorageClient,
    uploads_and_http: tuple[UploadStore, httpx.AsyncClient],
    clock: Clock,
    config: StorageNodeConfig,
) -> None:
    uploads, _ = uploads_and_http
    empty, abandoned, used = [await node.begin(8) for _ in range(3)]
    for upload in (abandoned, used):
        await node.append(upload, b"half", 0)
    for seconds, gone in ((11.0, empty), (590.0, abandoned)):
        clock.now += seconds
        uploads.tick()
        with pytest.raises(NotFound):
            await node.append(gone, b"rest", 4)
        if gone is empty:
            await node.append(used, b"re", 4)
    await node.append(used, b"st", 6)
    assert (await node.finish(used)).sha256 == digest(b"halfrest")
    assert list((config.folder / "incoming").iterdir()) == []


async def test_a_piece_may_be_sent_again_and_one_elsewhere_is_refused_without_harm(node: StorageClient) -> None:
    upload = await node.begin(5)
    await node.append(upload, b"mo", 0)
    await node.append(upload, b"mo", 0)
    for offset in (0, 1, 3):
        with pytest.raises(InputRefused, match="the upload has 2 bytes"):
            await node.append(upload, b"del", offset)
    await node.append(upload, b"del", 2)
    assert (await node.finish(upload)).sha256 == digest(b"model")


class BrokenWire:
    """A transport whose answers are lost, or whose requests are, in turn."""

    def __init__(self, transport: Transport) -> None:
        self.transport, self.requests = transport, 0

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        self.requests += 1
        if path == "/uploads" or self.requests % 3 == 0:
            return await self.transport.request(method, path, body)
        if self.requests % 3 == 1:
            await self.transport.request(method, path, body)
        raise ServiceUnavailable("the cable is cut.")


async def test_an_upload_goes_on_where_its_connection_broke(node: StorageClient, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096 * 3
    (tmp_path / "in").write_bytes(content)
    files = RemoteFiles(StorageClient(BrokenWire(node.transport)), pauses=(0.0, 0.0, 0.0))
    assert await files.put_file(tmp_path / "in") == digest(content)
    assert await RemoteFiles(node).get_bytes(digest(content), len(content)) == content


async def test_an_upload_that_the_node_forgot_fails_with_the_first_reason(node: StorageClient) -> None:
    class Forgetful(StorageClient):
        async def append(self, upload: str, piece: bytes, offset: int) -> None:
            self.appends = getattr(self, "appends", 0) + 1
            if self.appends > 1:
                raise NotFound("no such upload is open.")
            raise ServiceUnavailable("the store's disk is full.")

    with pytest.raises(ServiceUnavailable, match="disk is full"):
        await RemoteFiles(Forgetful(node.transport), pauses=(0.0,)).put_bytes(b"model")
