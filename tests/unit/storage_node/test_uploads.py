"""Uploads in progress: their limits, and abandoned ones."""

import httpx
import pytest

from sealgrid.errors import FileTooLarge, NotFound
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind
from sealgrid.storage_node.uploads import UploadStore
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
    await node.append(own, b"mo")
    for _ in range(config.address_uploads - 1):
        await node.begin(0)
    refused = await http.post("/uploads")
    assert (refused.status_code, refused.json()["type"]) == (429, "QuotaReached")
    await node.append(own, b"del")
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
        await node.append(upload, b"half")
    for seconds, gone in ((11.0, empty), (590.0, abandoned)):
        clock.now += seconds
        uploads.tick()
        with pytest.raises(NotFound):
            await node.append(gone, b"rest")
        if gone is empty:
            await node.append(used, b"re")
    await node.append(used, b"st")
    assert (await node.finish(used)).sha256 == digest(b"halfrest")
    assert list((config.folder / "incoming").iterdir()) == []
