"""Files of a local folder, and a cache of remote ones."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import ContentDiffers
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.local_files import LocalFiles, fetch_to_cache
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest
from tests.unit.storage.file_scene import LyingNode, digest, names


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


async def test_a_cache_reads_its_source_once(tmp_path: Path) -> None:
    cache, content = ContentFolder(tmp_path), b"bundle"
    first = await fetch_to_cache(digest(content), RemoteFiles(LyingNode(content)), cache)
    second = await fetch_to_cache(digest(content), RemoteFiles(LyingNode(b"liar")), cache)
    assert first == second
    assert first.read_bytes() == content


async def test_a_cache_holds_one_copy_however_many_ask_for_it_at_once(tmp_path: Path) -> None:
    """An enclave asks for several pieces at once, and several jobs for one model."""
    cache, content, held = ContentFolder(tmp_path), bytes(5 * PIECE_BYTES), []

    def measure(written: int) -> None:
        held.append(sum((tmp_path / name).stat().st_size for name in names(tmp_path)))

    source = RemoteFiles(LyingNode(content))
    asked = [fetch_to_cache(digest(content), source, cache, measure) for _ in range(4)]
    assert len(set(await asyncio.gather(*asked))) == 1
    assert (len(held), cache.used) == (5, len(content))
    assert max(held) <= len(content)


async def test_a_file_is_fetched_by_the_next_who_asks_when_the_first_gives_up(tmp_path: Path) -> None:
    cache, content, begun = ContentFolder(tmp_path), bytes(5 * PIECE_BYTES), asyncio.Event()

    def note(written: int) -> None:
        begun.set()

    source = RemoteFiles(LyingNode(content))
    first = asyncio.create_task(fetch_to_cache(digest(content), source, cache, note))
    second = asyncio.create_task(fetch_to_cache(digest(content), source, cache))
    await begun.wait()
    first.cancel()
    assert (await second).stat().st_size == len(content)
    assert first.cancelled()


async def test_a_cache_keeps_nothing_of_a_liar(tmp_path: Path) -> None:
    cache = ContentFolder(tmp_path)
    with pytest.raises(ContentDiffers):
        await fetch_to_cache(digest(b"bundle"), RemoteFiles(LyingNode(b"liar")), cache)
    assert (names(tmp_path), cache.used) == ([], 0)


async def pieces_of(files: LocalFiles, sha256: Digest) -> AsyncIterator[int]:
    async for piece in files.pieces(sha256):
        yield len(piece)


async def test_reading_holds_one_piece_at_a_time(tmp_path: Path) -> None:
    files = LocalFiles(ContentFolder(tmp_path))
    stored = await files.put_bytes(bytes(2 * PIECE_BYTES + 5))
    assert [size async for size in pieces_of(files, stored)] == [PIECE_BYTES, PIECE_BYTES, 5]
