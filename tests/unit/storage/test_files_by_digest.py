import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import ContentDiffers, FileTooLarge, InputRefused, NotFound, ServiceUnavailable, StoreFull
from sealgrid.storage import content_folder as folder_module
from sealgrid.storage.content_folder import BLOCK_BYTES, ContentFolder
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.local_files import LocalFiles, fetch_to_cache
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest, to_digest


def digest(content: bytes) -> Digest:
    return to_digest(hashlib.sha256(content).digest())


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@dataclass
class Held:
    sha256: Digest
    size: int


class LyingNode:
    """A node that answers any digest with its own content and says any size."""

    def __init__(self, content: bytes, size: int | None = None) -> None:
        self.content, self.size = content, len(content) if size is None else size
        self.largest = 0

    async def begin(self, size: int) -> str:
        return "u"

    async def append(self, upload: str, piece: bytes) -> None:
        self.largest = max(self.largest, len(piece))

    async def finish(self, upload: str) -> Held:
        return Held(digest(self.content), self.size)

    async def head(self, sha256: Digest) -> Held:
        return Held(sha256, self.size)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self.largest = max(self.largest, length)
        return self.content[offset : offset + length]


async def test_a_file_comes_back_as_it_went_in(tmp_path: Path) -> None:
    files, content = LocalFiles(ContentFolder(tmp_path / "store")), b"plate" * 500_000
    (tmp_path / "in").write_bytes(content)
    stored = await files.put_file(tmp_path / "in")
    assert stored == digest(content)
    assert await files.get_file(stored, tmp_path / "out") == len(content)
    assert (tmp_path / "out").read_bytes() == content


@given(content=st.binary(max_size=200))
def test_bytes_come_back_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    async def there_and_back() -> bytes:
        files = LocalFiles(ContentFolder(tmp_path_factory.mktemp("store")))
        return await files.get_bytes(await files.put_bytes(content), len(content))

    assert asyncio.run(there_and_back()) == content


async def test_a_file_that_rotted_on_the_disk_is_not_given_out(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path / "store"))
    stored = await files.put_bytes(b"model")
    files.folder.path(stored).write_bytes(b"medal")
    with pytest.raises(ContentDiffers):
        await files.get_file(stored, tmp_path / "out")
    assert names(tmp_path) == [str(files.folder.path(stored).relative_to(tmp_path))]


async def test_an_unknown_digest_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await LocalFiles(ContentFolder(tmp_path)).get_bytes(digest(b"never"), 10)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0x" + "zz" * 32, "0x12", "0x" + "12" * 33])
async def test_what_is_no_digest_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputRefused):
        ContentFolder(tmp_path).path(Digest(name))


async def test_a_node_that_answers_other_content_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    remote = RemoteFiles(LyingNode(b"something else"))
    with pytest.raises(ContentDiffers):
        await remote.get_file(digest(b"model"), tmp_path / "out")
    with pytest.raises(ContentDiffers):
        await remote.get_bytes(digest(b"model"), 100)
    assert names(tmp_path) == []


async def test_a_node_that_stops_early_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="stopped at byte 5 of 9"):
        await RemoteFiles(LyingNode(b"model", size=9)).get_bytes(digest(b"model"), 100)


async def test_a_file_larger_than_the_reader_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="larger than the limit of 4 bytes"):
        await RemoteFiles(LyingNode(b"model")).get_bytes(digest(b"model"), 4)


async def test_a_node_that_stored_something_else_is_refused() -> None:
    with pytest.raises(ContentDiffers):
        await RemoteFiles(LyingNode(b"other")).put_bytes(b"model")


class GoneNode(LyingNode):
    """A node that lost every file."""

    async def head(self, sha256: Digest) -> Held:
        raise NotFound("gone.")


@pytest.mark.parametrize("first", [GoneNode(b""), LyingNode(b"medal")])
async def test_what_one_node_lost_or_altered_is_read_from_another(tmp_path: Path, first: LyingNode) -> None:
    files = RemoteFiles(first, LyingNode(b"model"))
    assert await files.get_bytes(digest(b"model"), 100) == b"model"
    assert await files.get_file(digest(b"model"), tmp_path / "out") == 5
    with pytest.raises((NotFound, ContentDiffers)):
        await RemoteFiles(first, first).get_bytes(digest(b"model"), 100)


async def test_a_file_is_stored_at_every_node_or_the_uploader_is_told() -> None:
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


async def test_a_cache_asks_its_source_once(tmp_path: Path) -> None:
    cache, content = ContentFolder(tmp_path), b"bundle"
    first = await fetch_to_cache(digest(content), RemoteFiles(LyingNode(content)), cache)
    second = await fetch_to_cache(digest(content), RemoteFiles(LyingNode(b"liar")), cache)
    assert first == second
    assert first.read_bytes() == content


async def test_a_cache_keeps_nothing_of_a_liar(tmp_path: Path) -> None:
    cache = ContentFolder(tmp_path)
    with pytest.raises(ContentDiffers):
        await fetch_to_cache(digest(b"bundle"), RemoteFiles(LyingNode(b"liar")), cache)
    assert (names(tmp_path), cache.used) == ([], 0)


async def test_the_same_content_is_stored_and_counted_once(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path))
    assert await files.put_bytes(b"twice") == await files.put_bytes(b"twice")
    assert (len(names(tmp_path)), files.folder.used) == (1, BLOCK_BYTES)


async def test_limits_are_kept_and_what_they_refuse_is_removed(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path, file_limit=10, total_limit=2 * BLOCK_BYTES))
    await files.put_bytes(b"0123456789")
    with pytest.raises(FileTooLarge, match="at most 10 bytes"):
        await files.put_bytes(b"0123456789a")
    assert await files.put_bytes(b"abcde") == digest(b"abcde")
    with pytest.raises(StoreFull, match="this store is full: its limit is 8192 bytes"):
        await files.put_bytes(b"z")
    assert len(names(tmp_path)) == 2


async def test_what_files_take_on_the_disk_is_counted_and_not_their_content(tmp_path: Path) -> None:
    """Red team 10(c): 1,500 files of 4 bytes counted as 6,000 bytes and took 13 MB."""
    files = LocalFiles(ContentFolder(tmp_path))
    for number in range(50):
        await files.put_bytes(number.to_bytes(4, "big"))
    occupied = sum(max(path.stat().st_blocks * 512, BLOCK_BYTES) for path in tmp_path.rglob("*") if path.is_file())
    assert files.folder.used == ContentFolder(tmp_path).used == occupied == 50 * BLOCK_BYTES
    files.folder.remove(digest(bytes(4)))
    assert files.folder.used == 49 * BLOCK_BYTES


async def test_a_full_cache_forgets_what_was_not_asked_for_the_longest(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path, total_limit=3 * BLOCK_BYTES, evict=True))
    for age, content in ((300, b"first"), (200, b"other"), (100, b"third")):
        path = files.folder.path(await files.put_bytes(content))
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    files.folder.path(digest(b"first"))  # asked for again just now
    await files.put_bytes(b"newer")
    kept = [content for content in (b"first", b"other", b"third", b"newer") if files.folder.holds(digest(content))]
    assert kept == [b"first", b"third", b"newer"]
    assert files.folder.used == 3 * BLOCK_BYTES


async def test_a_cache_refuses_only_what_is_larger_than_itself(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path, total_limit=3 * BLOCK_BYTES, evict=True))
    with pytest.raises(ServiceUnavailable, match="this store is full"):
        await files.put_bytes(bytes(3 * BLOCK_BYTES + 1))
    assert files.folder.used == 0


async def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    files = LocalFiles(ContentFolder(tmp_path))
    monkeypatch.setattr(folder_module.os, "fsync", full)
    with pytest.raises(ServiceUnavailable, match="disk is full"):
        await files.put_bytes(b"content")
    assert (names(tmp_path), files.folder.used) == ([], 0)


async def test_a_restart_keeps_files_and_removes_what_was_half_written(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path))
    stored = await files.put_bytes(b"kept")
    (tmp_path / "incoming" / "half").write_bytes(b"ha")
    again = ContentFolder(tmp_path)
    assert (again.used, again.holds(stored), len(names(tmp_path))) == (BLOCK_BYTES, True, 1)


async def pieces_of(files: LocalFiles, sha256: Digest) -> AsyncIterator[int]:
    async for piece in files.pieces(sha256):
        yield len(piece)


async def test_reading_holds_one_piece_at_a_time(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path))
    stored = await files.put_bytes(bytes(2 * PIECE_BYTES + 5))
    assert [size async for size in pieces_of(files, stored)] == [PIECE_BYTES, PIECE_BYTES, 5]
