"""Files that a worker gives to its enclave."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import NotFound
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.file_store import VerifyingReader
from sealgrid.units import Digest, to_digest
from sealgrid.worker.enclave_files import BUNDLE, EnclaveFiles
from sealgrid.worker.exposure_log import ExposureLog
from sealgrid.worker.wheel_index import WheelIndex

APP, MODEL = b"the app's bundle", b"a sealed model " * 1000


class Storage(VerifyingReader):
    """Holds the files in memory, and counts how often each is read."""

    def __init__(self) -> None:
        self.files = {digest(each): each for each in (APP, MODEL)}
        self.read: list[Digest] = []

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        self.read.append(sha256)
        if sha256 not in self.files:
            raise NotFound("no such file.")
        yield self.files[sha256]


def digest(content: bytes) -> Digest:
    return to_digest(sha256(content).digest())


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def exposures() -> ExposureLog:
    return ExposureLog()


@pytest.fixture
def files(tmp_path: Path, storage: Storage, exposures: ExposureLog) -> EnclaveFiles:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "greeting-1.0-py3-none-any.whl").write_bytes(b"a wheel")
    cache, wheels = ContentFolder(tmp_path / "cache", evict=True), WheelIndex([tmp_path / "wheels"])
    return EnclaveFiles(f"/ipfs/{cid_of(digest(APP))}", storage, cache, wheels, exposures)


async def test_the_bundle_has_a_name_and_other_files_their_digest(files):
    assert await files.read(BUNDLE, 0, 100) == APP
    assert await files.read(digest(MODEL), 5, 10) == MODEL[5:15]


async def test_a_wheel_of_the_machine_is_not_fetched(files, storage):
    assert await files.read(digest(b"a wheel"), 0, 100) == b"a wheel"
    assert storage.read == []


async def test_a_file_is_fetched_once_for_all_its_pieces(files, storage):
    for offset in range(0, len(MODEL), 1000):
        await files.read(digest(MODEL), offset, 1000)
    assert storage.read == [digest(MODEL)]


async def test_the_first_piece_of_each_file_is_recorded_as_exposed(files, exposures):
    await files.read(BUNDLE, 0, 7)
    await files.read(BUNDLE, 7, 100)
    assert [(each.what, each.size) for each in exposures.entries] == [(f"file bundle, {len(APP)} bytes", 7)]


@pytest.mark.parametrize("name", ["../secret", "", "0x12", str(digest(b"unknown"))])
async def test_another_name_is_not_found(files, name):
    with pytest.raises(NotFound):
        await files.read(name, 0, 1)


async def test_a_file_that_changed_on_the_disk_is_fetched_again(files, storage, caplog):
    path = await files.path(digest(MODEL))
    path.chmod(0o600)
    path.write_bytes(b"X" * len(MODEL))
    await files.remove_altered()
    assert "had changed on the disk" in caplog.text
    assert await files.read(digest(MODEL), 0, 5) == MODEL[:5]
    assert storage.read == [digest(MODEL)] * 2


async def test_the_requester_hears_how_much_was_read(files):
    await files.read(digest(MODEL), 0, len(MODEL))
    assert files.progress == "the enclave has read 0.0 MB of 0.0 MB"
