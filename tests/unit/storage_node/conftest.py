"""A storage node in this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import create_node
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.wire.storage import PIECE_BYTES, StorageClient
from tests.unit.storage_node.node_scene import Clock, InProcess


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> StorageNodeConfig:
    return StorageNodeConfig(folder=tmp_path / "node", file_limit=4 * PIECE_BYTES, total_limit=64 * PIECE_BYTES)


@pytest.fixture
def uploads_and_http(config: StorageNodeConfig, clock: Clock) -> tuple[UploadStore, httpx.AsyncClient]:
    app, uploads = create_node(config, clock=clock)
    return uploads, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


@pytest.fixture
async def http(uploads_and_http: tuple[UploadStore, httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    uploads, opened = uploads_and_http
    async with opened as client:
        yield client
    uploads.close()


@pytest.fixture
def node(http: httpx.AsyncClient) -> StorageClient:
    return StorageClient(InProcess(http))
