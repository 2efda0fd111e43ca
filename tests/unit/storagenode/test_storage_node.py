import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import InputRefused, NotFound, SealgridError, ServiceUnavailable
from sealgrid.storage.remote import RemoteFiles
from sealgrid.storagenode.config import StorageNodeConfig
from sealgrid.storagenode.runner import build
from sealgrid.storagenode.uploads import Uploads
from sealgrid.units import Digest, to_digest
from sealgrid.wire.storage import PIECE_BYTES, StorageClient, location
from sealgrid.wire.transport import error_of


class InProcess:
    """The node's application without a socket; everything else as over HTTP."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        answer = await self.client.request(method, path, content=body or None)
        if answer.is_success:
            return answer.content
        raise error_of(answer.content, answer.status_code)


def digest(content: bytes) -> Digest:
    return to_digest(hashlib.sha256(content).digest())


@pytest.fixture
def config(tmp_path: Path) -> StorageNodeConfig:
    return StorageNodeConfig(
        folder=tmp_path / "node", file_limit=4 * PIECE_BYTES, total_limit=6 * PIECE_BYTES, open_uploads=3
    )


@pytest.fixture
def uploads_and_http(config: StorageNodeConfig) -> tuple[Uploads, httpx.AsyncClient]:
    app, uploads = build(config)
    return uploads, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


@pytest.fixture
async def http(uploads_and_http: tuple[Uploads, httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
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
    upload = await node.begin()
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


async def test_a_file_over_the_limit_is_refused_and_its_space_is_free_again(node: StorageClient) -> None:
    with pytest.raises(InputRefused, match=f"at most {4 * PIECE_BYTES} bytes"):
        await node.put(bytes(4 * PIECE_BYTES + 1))
    assert (await node.put(bytes(4 * PIECE_BYTES))).size == 4 * PIECE_BYTES


async def test_a_full_node_says_so(node: StorageClient) -> None:
    await node.put(bytes(4 * PIECE_BYTES))
    with pytest.raises(ServiceUnavailable, match="this store is full"):
        await node.put(b"other" + bytes(3 * PIECE_BYTES))


async def test_many_empty_uploads_stop_nobody(node: StorageClient) -> None:
    mine = await node.begin()
    await node.append(mine, b"mo")
    for _ in range(10):
        await node.begin()
    await node.append(mine, b"del")
    assert (await node.finish(mine)).sha256 == digest(b"model")
    assert (await node.put(b"another")).size == 7


def test_of_uploads_with_content_the_one_that_is_silent_the_longest_makes_room(config: StorageNodeConfig) -> None:
    _, uploads = build(config)

    async def fill() -> list[str]:
        names = [uploads.begin(now=0.0) for _ in range(3)]
        for at, name in zip((3.0, 1.0, 2.0), names, strict=True):
            await uploads.append(name, b"x", now=at)
        uploads.begin(now=4.0)
        with pytest.raises(NotFound):
            await uploads.append(names[1], b"x", now=5.0)
        return [names[0], names[2]]

    async def fill_and_finish() -> None:
        for name in await fill():
            assert (await uploads.finish(name))[1] == 1

    asyncio.run(fill_and_finish())
    uploads.close()


def test_an_empty_upload_is_removed_after_seconds_and_one_with_content_is_not(config: StorageNodeConfig) -> None:
    _, uploads = build(config)
    uploads.begin(now=0.0)
    begun = uploads.begin(now=0.0)
    asyncio.run(uploads.append(begun, b"x", now=0.0))
    assert uploads.sweep(now=11.0) == 1
    assert asyncio.run(uploads.finish(begun))[1] == 1


async def test_an_abandoned_upload_is_removed_and_one_in_use_is_not(config: StorageNodeConfig) -> None:
    _, uploads = build(config)
    abandoned, used = uploads.begin(now=0.0), uploads.begin(now=0.0)
    await uploads.append(abandoned, b"half", now=0.0)
    await uploads.append(used, b"half", now=500.0)
    assert uploads.sweep(now=601.0) == 1
    with pytest.raises(NotFound):
        await uploads.append(abandoned, b"rest", now=601.0)
    await uploads.append(used, b"rest", now=601.0)
    assert await uploads.finish(used) == (digest(b"halfrest"), 8)
    assert list((config.folder / "incoming").iterdir()) == []


async def test_a_node_keeps_its_files_over_a_restart(config: StorageNodeConfig, node: StorageClient) -> None:
    stored = await node.put(b"kept")
    app, _ = build(config)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as again:
        assert (await again.get(location(stored.sha256))).content == b"kept"
