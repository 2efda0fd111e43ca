import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import FileTooLarge, NotFound, SealgridError, ServiceUnavailable, StoreFull
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind
from sealgrid.storage_node.runner import create_node
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.units import Digest, to_digest
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.storage import PIECE_BYTES, StorageClient, location


class InProcess:
    """The node's application without a socket; everything else as over HTTP."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        answer = await self.client.request(method, path, content=body or None)
        if answer.is_success:
            return answer.content
        raise parse_error(answer.content, answer.status_code)


def digest(content: bytes) -> Digest:
    return to_digest(hashlib.sha256(content).digest())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


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


async def test_a_file_is_uploaded_in_pieces_and_read_back_verified(node: StorageClient, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "in").write_bytes(content)
    files = RemoteFiles(node)
    stored = await files.put_file(tmp_path / "in")
    await files.get_file(stored, tmp_path / "out")
    assert stored == digest(content)
    assert (tmp_path / "out").read_bytes() == content


async def test_the_whole_file_is_found_at_the_address_that_stands_on_the_chain(
    node: StorageClient, http: httpx.AsyncClient
) -> None:
    content = b"sealed" * 400_000
    stored = await node.put(content)
    answer = await http.get(location(stored.sha256))
    assert answer.content == content
    assert answer.headers["content-length"] == str(stored.size)
    assert stored.cid == cid_of(digest(content))


async def test_an_empty_file_is_a_file(node: StorageClient, http: httpx.AsyncClient) -> None:
    stored = await node.put(b"")
    assert (stored.sha256, stored.size) == (digest(b""), 0)
    assert (await http.get(location(stored.sha256))).content == b""


async def test_what_is_not_there_is_not_found_by_any_name(node: StorageClient, http: httpx.AsyncClient) -> None:
    with pytest.raises(NotFound):
        await node.head(digest(b"never"))
    with pytest.raises(NotFound):
        await node.read(digest(b"never"), 0, 10)
    assert (await http.get(location(digest(b"never")))).status_code == 404
    with pytest.raises(NotFound):
        await node.append("no-such-upload", b"x")


@pytest.mark.parametrize("path", ["/ipfs/QmOld", "/ipfs/bafkrei", "/files/0x12", "/files/..%2f..%2fpasswd"])
async def test_a_name_that_is_no_digest_is_refused_in_one_sentence(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]


async def test_a_piece_that_is_too_large_is_refused(node: StorageClient) -> None:
    upload = await node.begin(1)
    with pytest.raises(SealgridError):
        await node.append(upload, bytes(PIECE_BYTES + 1))


@pytest.mark.parametrize(("offset", "length"), [(0, 0), (0, PIECE_BYTES + 1), (-1, 5)])
async def test_a_read_outside_the_limits_is_refused(node: StorageClient, offset: int, length: int) -> None:
    stored = await node.put(b"content")
    with pytest.raises(SealgridError) as refused:
        await node.read(stored.sha256, offset, length)
    assert not isinstance(refused.value, ServiceUnavailable)


async def test_a_read_beyond_the_end_is_short(node: StorageClient) -> None:
    stored = await node.put(b"content")
    assert await node.read(stored.sha256, 4, 100) == b"ent"
    assert await node.read(stored.sha256, 100, 100) == b""


async def test_a_file_over_the_limit_is_refused_and_its_space_is_free_again(
    node: StorageClient, uploads_and_http: tuple[UploadStore, httpx.AsyncClient]
) -> None:
    with pytest.raises(FileTooLarge, match=f"at most {4 * PIECE_BYTES} bytes"):
        await node.put(bytes(4 * PIECE_BYTES + 1))
    assert uploads_and_http[0].quotas.used(ClientKind.ADDRESS) == (0, 0, 0)
    assert (await node.put(bytes(4 * PIECE_BYTES))).size == 4 * PIECE_BYTES


async def test_a_node_whose_share_for_strangers_is_full_says_so(node: StorageClient, http: httpx.AsyncClient) -> None:
    for first in (b"1", b"2"):
        await node.put(first + bytes(4 * PIECE_BYTES - 1))
    with pytest.raises(StoreFull, match="no room for clients without a ticket"):
        await node.put(b"3")
    answer = await http.post("/uploads")
    assert (answer.status_code, answer.json()["type"]) == (507, "StoreFull")


async def test_a_client_with_too_many_open_uploads_is_refused_and_its_others_go_on(
    node: StorageClient, http: httpx.AsyncClient, config: StorageNodeConfig
) -> None:
    mine = await node.begin(5)
    await node.append(mine, b"mo")
    for _ in range(config.address_uploads - 1):
        await node.begin(0)
    refused = await http.post("/uploads")
    assert (refused.status_code, refused.json()["type"]) == (429, "QuotaReached")
    await node.append(mine, b"del")
    assert (await node.finish(mine)).sha256 == digest(b"model")


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


async def test_a_file_that_nobody_named_is_removed_after_a_day(
    node: StorageClient, uploads_and_http: tuple[UploadStore, httpx.AsyncClient], clock: Clock
) -> None:
    uploads, _ = uploads_and_http
    stored = await node.put(b"of nobody")
    clock.now += 86_000
    uploads.expire()
    assert (await node.head(stored.sha256)).size == 9
    clock.now += 401
    uploads.expire()
    with pytest.raises(NotFound):
        await node.head(stored.sha256)


async def test_who_has_files_is_remembered_over_a_restart(
    config: StorageNodeConfig, node: StorageClient, clock: Clock
) -> None:
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
