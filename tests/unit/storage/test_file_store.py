"""Content that does not have its digest is refused."""

from pathlib import Path

import pytest

from sealgrid.errors import ContentDiffers, InputRefused
from sealgrid.storage.remote_files import RemoteFiles
from tests.unit.storage.file_scene import LyingNode, digest, names


async def test_a_node_that_answers_other_content_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    remote = RemoteFiles(LyingNode(b"something else"))
    with pytest.raises(ContentDiffers):
        await remote.get_file(digest(b"model"), tmp_path / "out")
    with pytest.raises(ContentDiffers):
        await remote.get_bytes(digest(b"model"), 100)
    assert names(tmp_path) == []


async def test_a_file_larger_than_the_reader_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="larger than the limit of 4 bytes"):
        await RemoteFiles(LyingNode(b"model")).get_bytes(digest(b"model"), 4)
