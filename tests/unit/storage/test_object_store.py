"""Copies of files in an object store are read where no storage node gives the file."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import ContentDiffers, InputRefused, NotFound
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.object_store import MirrorFiles, open_store
from sealgrid.storage.remote_files import RemoteFiles
from tests.unit.storage.file_scene import DeadNode, LyingNode, digest

CONTENT = bytes(PIECE_BYTES) + b"the rest of a model"
SHA256 = digest(CONTENT)


@pytest.fixture
def folder(tmp_path: Path) -> MirrorFiles:
    (tmp_path / SHA256.removeprefix("0x")).write_bytes(CONTENT)
    return open_store(f"file://{tmp_path}")


@pytest.fixture
def memory() -> MirrorFiles:
    store = MemoryStore()
    store.put(SHA256.removeprefix("0x"), CONTENT)
    return MirrorFiles("memory://", store)


@pytest.fixture(params=["folder", "memory"])
def mirror(request: pytest.FixtureRequest) -> MirrorFiles:
    opened: MirrorFiles = request.getfixturevalue(request.param)
    return opened


async def test_a_file_that_no_node_gives_is_read_from_a_mirror_and_verified(
    mirror: MirrorFiles, tmp_path: Path
) -> None:
    files = RemoteFiles(DeadNode(b""), mirrors=[mirror])
    assert await files.get_file(SHA256, tmp_path / "out") == len(CONTENT)
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert await files.get_bytes(SHA256, len(CONTENT)) == CONTENT


async def test_a_mirror_without_a_file_says_so(mirror: MirrorFiles) -> None:
    with pytest.raises(NotFound):
        await mirror.head(digest(b"another"))
    with pytest.raises(NotFound):
        await RemoteFiles(mirrors=[mirror]).get_bytes(digest(b"another"), 100)


async def test_a_node_is_asked_before_a_mirror(folder: MirrorFiles, tmp_path: Path) -> None:
    (tmp_path / digest(b"model").removeprefix("0x")).write_bytes(b"medal")
    files = RemoteFiles(LyingNode(b"model"), mirrors=[folder])
    assert await files.get_bytes(digest(b"model"), 5) == b"model"
    assert files.health.faults()["other_bytes"] == 0


async def test_a_mirror_with_other_bytes_is_refused_and_avoided(folder: MirrorFiles, tmp_path: Path) -> None:
    (tmp_path / digest(b"model").removeprefix("0x")).write_bytes(b"medal")
    files = RemoteFiles(mirrors=[folder])
    with pytest.raises(ContentDiffers):
        await files.get_bytes(digest(b"model"), 5)
    assert files.health.is_avoided(folder.url)


async def test_a_store_names_no_file_by_its_cid(folder: MirrorFiles) -> None:
    with pytest.raises(NotFound):
        await folder.read_by_cid(cid_of(SHA256), 100)


async def test_a_known_liar_is_asked_before_a_mirror(folder: MirrorFiles, tmp_path: Path) -> None:
    """A mirror sees which network address reads which file."""
    for name, content in ((b"other", b"other"), (b"model", b"not read")):
        (tmp_path / digest(name).removeprefix("0x")).write_bytes(content)
    node = LyingNode(b"model")
    files = RemoteFiles(node, mirrors=[folder])
    assert await files.get_bytes(digest(b"other"), 5) == b"other"
    assert files.health.is_avoided(node.url)
    assert await files.get_bytes(digest(b"model"), 5) == b"model"
    assert not files.health.is_avoided(folder.url)


@pytest.mark.parametrize("url", ["s3://bucket/models?region=eu-west-1", "gs://bucket", "az://files?account_name=me"])
def test_stores_of_three_clouds_open_without_credentials(url: str) -> None:
    assert open_store(url).url == url


@pytest.mark.parametrize("url", ["az://files", "s3://"])
def test_a_store_that_does_not_open_is_refused(url: str) -> None:
    with pytest.raises(InputRefused, match="cannot be opened"):
        open_store(url)
