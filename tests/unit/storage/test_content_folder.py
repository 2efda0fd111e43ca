"""A folder of files by digest: its limits, its eviction, its restarts."""

import errno
import os
from pathlib import Path

import pytest

from sealgrid.errors import FileTooLarge, InputRefused, NotFound, ServiceUnavailable, StoreFull
from sealgrid.storage import content_folder as folder_module
from sealgrid.storage.content_folder import BLOCK_BYTES, ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.units import Digest
from tests.unit.storage.file_scene import digest, names


async def test_an_unknown_digest_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await LocalFiles(ContentFolder(tmp_path)).get_bytes(digest(b"never"), 10)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0x" + "zz" * 32, "0x12", "0x" + "12" * 33])
async def test_what_is_no_digest_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputRefused):
        ContentFolder(tmp_path).path(Digest(name))


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
    files.folder.path(digest(b"first"))  # used again just now
    await files.put_bytes(b"newer")
    stored = [content for content in (b"first", b"other", b"third", b"newer") if files.folder.holds(digest(content))]
    assert stored == [b"first", b"third", b"newer"]
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


async def test_a_file_that_the_disk_altered_is_removed(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path))
    kept, altered = await files.put_bytes(b"kept"), await files.put_bytes(b"model")
    files.folder.path(altered).write_bytes(b"medal")
    assert [files.folder.remove_altered(each) for each in (kept, altered, digest(b"never"))] == [False, True, False]
    assert files.folder.digests() == [kept]
    assert files.folder.used == BLOCK_BYTES
