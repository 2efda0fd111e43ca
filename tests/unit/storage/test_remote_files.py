"""Files on several storage nodes, of which some lose or alter them."""

from pathlib import Path

import pytest

from sealgrid.errors import ContentDiffers, InputRefused, NotFound, ServiceUnavailable
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest
from tests.unit.storage.file_scene import LyingNode, StoredInfo, digest


async def test_a_node_that_stops_early_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="stopped at byte 5 of 9"):
        await RemoteFiles(LyingNode(b"model", size=9)).get_bytes(digest(b"model.zip"), 100)


async def test_a_node_that_stored_something_else_is_refused() -> None:
    with pytest.raises(ContentDiffers):
        await RemoteFiles(LyingNode(b"other")).put_bytes(b"model")


class GoneNode(LyingNode):
    """A node that lost every file."""

    async def head(self, sha256: Digest) -> StoredInfo:
        raise NotFound("gone.")


@pytest.mark.parametrize("first", [GoneNode(b""), LyingNode(b"medal")])
async def test_what_one_node_lost_or_altered_is_read_from_another(tmp_path: Path, first: LyingNode) -> None:
    files = RemoteFiles(first, LyingNode(b"model"))
    assert await files.get_bytes(digest(b"model"), 100) == b"model"
    assert await files.get_file(digest(b"model"), tmp_path / "out") == 5
    with pytest.raises((NotFound, ContentDiffers)):
        await RemoteFiles(first, first).get_bytes(digest(b"model"), 100)


async def test_a_file_is_stored_at_every_node_or_the_upload_fails() -> None:
    nodes = LyingNode(b"model"), LyingNode(b"model")
    await RemoteFiles(*nodes).put_bytes(b"model")
    assert [node.largest for node in nodes] == [5, 5]
    with pytest.raises(ContentDiffers):
        await RemoteFiles(LyingNode(b"model"), LyingNode(b"medal")).put_bytes(b"model")


async def test_files_travel_in_pieces(tmp_path: Path) -> None:
    content = bytes(3 * PIECE_BYTES + 1)
    node = LyingNode(content)
    (tmp_path / "in").write_bytes(content)
    await RemoteFiles(node).put_file(tmp_path / "in")
    await RemoteFiles(node).get_file(digest(content), tmp_path / "out")
    assert node.largest == PIECE_BYTES


class CountedNode(LyingNode):
    """Counts its requests."""

    requests = 0

    async def head(self, sha256: Digest) -> StoredInfo:
        self.requests += 1
        return await super().head(sha256)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self.requests += 1
        return await super().read(sha256, offset, length)


async def test_a_small_file_takes_one_request() -> None:
    node = CountedNode(b"model")
    assert await RemoteFiles(node).get_bytes(digest(b"model"), 5) == b"model"
    assert node.requests == 1
    with pytest.raises(InputRefused, match="limit"):
        await RemoteFiles(node).get_bytes(digest(b"model"), 4)
