"""Nodes that refuse, lie or stall: another one is read, and only the one that failed is recorded."""

import asyncio
from pathlib import Path

import pytest

from sealgrid.crypto.digests import cid_of
from sealgrid.crypto.unixfs import FileAddress
from sealgrid.errors import (
    ContentDiffers,
    FileTooLarge,
    InputRefused,
    NotFound,
    SealgridError,
    ServiceUnavailable,
    StoreFull,
    TicketRefused,
    TooManyRequests,
)
from sealgrid.storage.content_folder import BLOCK_BYTES, ContentFolder
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.local_files import fetch_to_cache
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest
from tests.unit.storage.file_scene import LyingNode, StoredInfo, digest

LARGE = bytes(PIECE_BYTES) + b"the end"
HONEST = "http://honest.example"


class RefusingNode(LyingNode):
    """A node that answers its first reads, and then all requests with one error."""

    def __init__(self, error: SealgridError, content: bytes = b"", size: int | None = None, answers: int = 0) -> None:
        super().__init__(content, size, "http://refusing.example")
        self.error, self.answers = error, answers

    async def head(self, sha256: Digest) -> StoredInfo:
        if not self.size:
            raise self.error
        return await super().head(sha256)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self.answers -= 1
        if self.answers < 0:
            raise self.error
        return await super().read(sha256, offset, length)


@pytest.mark.parametrize("error", [InputRefused("HTTP status 403"), TicketRefused("1", "x"), TooManyRequests("later")])
async def test_a_node_that_refuses_every_read_hides_no_other_copy(error: SealgridError) -> None:
    files = RemoteFiles(RefusingNode(error), LyingNode(b"model", url=HONEST))
    assert await files.get_bytes(digest(b"model"), 5) == b"model"
    assert await files.size(digest(b"model")) == 5
    assert files.health.is_avoided("http://refusing.example")
    assert files.health.faults() == {"other_bytes": 0, "silent": 1}


async def test_where_every_node_refuses_the_error_names_one() -> None:
    with pytest.raises(ServiceUnavailable, match=r"http://refusing.example refuses to be read: HTTP status 403"):
        await RemoteFiles(RefusingNode(InputRefused("HTTP status 403"))).size(digest(b"model"))


@pytest.mark.parametrize("error", [NotFound("gone."), ServiceUnavailable("it does not answer.")])
async def test_a_false_piece_is_found_although_its_node_gives_no_other(error: SealgridError, tmp_path: Path) -> None:
    liar, honest = RefusingNode(error, b"x" * len(LARGE), answers=1), LyingNode(LARGE, url=HONEST)
    files = RemoteFiles(liar, honest)
    assert await files.get_file(digest(LARGE), tmp_path / "out") == len(LARGE)
    assert files.health.faults()["other_bytes"] == 1
    assert (files.health.is_avoided(liar.url), files.health.is_avoided(HONEST)) == (True, False)


async def test_a_node_that_lies_only_after_another_one_stopped_is_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Framer(LyingNode):
        async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
            lies, self.content = self.content == b"", LARGE
            return b"x" * length if lies else await super().read(sha256, offset, length)

    stops = RefusingNode(ServiceUnavailable("it does not answer."), LARGE, answers=1)
    framer = Framer(b"", size=len(LARGE), url="http://framer.example")
    files = RemoteFiles(stops, framer)
    assert await files.get_file(digest(LARGE), tmp_path / "out") == len(LARGE)
    assert files.health.faults()["other_bytes"] == 1
    assert f"{framer.url} is avoided" in caplog.text


async def test_a_false_size_is_recorded_for_the_node_that_reported_it(tmp_path: Path) -> None:
    liar = RefusingNode(NotFound("gone."), b"", size=1 << 40)
    files = RemoteFiles(liar, LyingNode(LARGE, url=HONEST))
    assert await files.get_file(digest(LARGE), tmp_path / "out") == len(LARGE)
    assert files.health.faults()["other_bytes"] == 1
    assert (files.health.is_avoided(liar.url), files.health.is_avoided(HONEST)) == (True, False)


class Endless(LyingNode):
    """A node that says a huge size and gives as many zeros as anyone reads."""

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        return bytes(length)


@pytest.mark.parametrize("size", [1 << 50, 8 * BLOCK_BYTES, 0])
async def test_a_false_size_displaces_nothing_in_a_cache(size: int, tmp_path: Path) -> None:
    cache = ContentFolder(tmp_path, total_limit=8 * BLOCK_BYTES, evict=True)
    await fetch_to_cache(digest(b"other"), RemoteFiles(LyingNode(b"other")), cache)
    content = b"x" * BLOCK_BYTES
    files = RemoteFiles(Endless(b"", size=size), LyingNode(content, url=HONEST))
    assert (await fetch_to_cache(digest(content), files, cache)).read_bytes() == content
    assert cache.holds(digest(b"other"))
    assert files.health.faults() == {"other_bytes": 1, "silent": 0}
    assert files.health.is_avoided("http://liar.example")


async def test_a_full_disk_of_the_reader_is_no_fault_of_a_node(tmp_path: Path) -> None:
    cache = ContentFolder(tmp_path, total_limit=2 * BLOCK_BYTES)
    content = b"x" * BLOCK_BYTES
    for other in (b"one", b"two"):
        await fetch_to_cache(digest(other), RemoteFiles(LyingNode(other)), cache)
    second = LyingNode(content, url="http://two.example")
    files = RemoteFiles(LyingNode(content, url="http://one.example"), second)
    with pytest.raises(StoreFull):
        await fetch_to_cache(digest(content), files, cache)
    assert set(files.health.faults().values()) == {0}
    assert second.largest == 0, "another copy does not help"


async def test_a_node_that_takes_too_long_for_a_piece_is_silent(tmp_path: Path) -> None:
    class SlowNode(LyingNode):
        async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
            await asyncio.Event().wait()
            return b""

    slow = SlowNode(LARGE)
    files = RemoteFiles(slow, LyingNode(LARGE, url=HONEST), request_seconds=0.05)
    assert await files.get_file(digest(LARGE), tmp_path / "out") == len(LARGE)
    assert files.health.faults() == {"other_bytes": 0, "silent": 1}
    with pytest.raises(ServiceUnavailable, match=r"http://liar.example took more than 0.05 seconds"):
        await RemoteFiles(slow, request_seconds=0.05).get_bytes(digest(LARGE), len(LARGE))


async def test_a_node_that_gives_a_byte_for_each_request_is_left(tmp_path: Path) -> None:
    class TricklingNode(LyingNode):
        requests = 0

        async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
            self.requests += 1
            return await super().read(sha256, offset, 1)

    trickling = TricklingNode(LARGE)
    files = RemoteFiles(trickling, LyingNode(LARGE, url=HONEST))
    assert await files.get_file(digest(LARGE), tmp_path / "out") == len(LARGE)
    assert trickling.requests == 1
    assert files.health.is_avoided(trickling.url)


def address_of_tree(content: bytes) -> str:
    file = FileAddress()
    file.write(content)
    return file.cid()


@pytest.mark.parametrize("cid", [address_of_tree(b"list"), cid_of(digest(b"list"))])
async def test_a_file_by_its_cid_is_verified_and_a_liar_avoided(cid: str) -> None:
    files = RemoteFiles(LyingNode(b"lost"), LyingNode(b"list", url=HONEST))
    assert await files.read_by_cid(cid, 4) == b"list"
    assert files.health.faults() == {"other_bytes": 1, "silent": 0}
    assert files.health.is_avoided("http://liar.example")
    with pytest.raises(ContentDiffers, match="names"):
        await RemoteFiles(LyingNode(b"lost")).read_by_cid(cid, 4)


async def test_a_file_by_its_cid_that_is_too_large_is_no_silence() -> None:
    files = RemoteFiles(LyingNode(b"a list that is too long"), LyingNode(b"list", url=HONEST))
    assert await files.read_by_cid(cid_of(digest(b"list")), 4) == b"list"
    assert set(files.health.faults().values()) == {0}
    with pytest.raises(FileTooLarge, match="limit of 3 bytes"):
        await files.read_by_cid(cid_of(digest(b"list")), 3)
