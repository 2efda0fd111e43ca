"""The HTTP API of a storage node."""

from pathlib import Path

import httpx
import pytest

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import NotFound, SealgridError, ServiceUnavailable, StoreFull
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.wire.storage import PIECE_BYTES, StorageClient, location
from tests.unit.storage_node.node_scene import digest


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
        await node.append("no-such-upload", b"x", 0)


@pytest.mark.parametrize("path", ["/ipfs/QmOld", "/ipfs/bafkrei", "/files/0x12", "/files/..%2f..%2fpasswd"])
async def test_a_name_that_is_no_digest_is_refused_in_one_sentence(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]


async def test_a_piece_that_is_too_large_is_refused(node: StorageClient) -> None:
    upload = await node.begin(1)
    with pytest.raises(SealgridError):
        await node.append(upload, bytes(PIECE_BYTES + 1), 0)


@pytest.mark.parametrize(("offset", "length"), [(0, 0), (0, PIECE_BYTES + 1), (-1, 5), (2**64, 5)])
async def test_a_read_outside_the_limits_is_refused(node: StorageClient, offset: int, length: int) -> None:
    stored = await node.put(b"content")
    with pytest.raises(SealgridError) as refused:
        await node.read(stored.sha256, offset, length)
    assert not isinstance(refused.value, ServiceUnavailable)


async def test_a_read_beyond_the_end_is_short(node: StorageClient) -> None:
    stored = await node.put(b"content")
    assert await node.read(stored.sha256, 4, 100) == b"ent"
    for offset in (100, 2**53 - 1):  # the second is above the largest file of a file system
        assert await node.read(stored.sha256, offset, 100) == b""


async def test_a_full_share_for_clients_without_a_ticket_is_named(node: StorageClient, http: httpx.AsyncClient) -> None:
    for first in (b"1", b"2"):
        await node.put(first + bytes(4 * PIECE_BYTES - 1))
    with pytest.raises(StoreFull, match="no room for clients without a ticket"):
        await node.put(b"3")
    answer = await http.post("/uploads")
    assert (answer.status_code, answer.json()["type"]) == (507, "StoreFull")
