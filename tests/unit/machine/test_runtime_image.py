"""A machine runs the network's runtime, and no other files."""

from pathlib import Path

import pytest

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.errors import EvidenceRefused
from sealgrid.machine.runtime_image import fetch_runtime
from sealgrid.platform.image import measure, mrtd
from sealgrid.platform.image_archive import pack_image
from sealgrid.units import Digest, to_digest
from sealgrid.wire.authority import PIECE_BYTES, RuntimeArchive

OTHER = to_digest(b"\x09" * 32)


class Served:
    """An authority that serves one archive as the runtime that it names."""

    def __init__(self, folder: Path, content: bytes, named: Digest | None = None) -> None:
        (folder / "source").mkdir()
        (folder / "source" / "boot.py").write_bytes(content)
        files = measure(folder / "source")
        pack_image(folder / "source", files, folder / "archive")
        self.content = (folder / "archive").read_bytes()
        self.runtime = runtime_identity(Platform.SIMULATED, [mrtd(files)])
        self.named, self.reads = named or self.runtime, 0

    async def runtime_archive(self) -> RuntimeArchive:
        return RuntimeArchive(runtime=self.named, size=len(self.content))

    async def read(self, offset: int, length: int) -> bytes:
        assert 0 < length <= PIECE_BYTES
        self.reads += 1
        return self.content[offset : offset + length]


class Client:
    """The client's two calls, without a network."""

    def __init__(self, served: Served) -> None:
        self.runtime, self.read_runtime = served.runtime_archive, served.read


async def fetch(served: Served, folder: Path, *runtimes: Digest) -> Path:
    client: object = Client(served)
    return await fetch_runtime(client, runtimes, folder, lambda line: None)  # type: ignore[arg-type]


async def test_the_pinned_runtime_is_fetched_once_and_again_after_damage(tmp_path: Path) -> None:
    served, folder = Served(tmp_path, b"boot"), tmp_path / "runtime"
    image = await fetch(served, folder, OTHER, served.runtime)
    assert (image / "boot.py").read_bytes() == b"boot"
    await fetch(served, folder, served.runtime)
    assert served.reads == 1
    (image / "boot.py").write_bytes(b"evil")
    await fetch(served, folder, served.runtime)
    assert (image / "boot.py").read_bytes() == b"boot"
    assert [path.name for path in folder.iterdir()] == ["image"]


async def test_a_runtime_that_the_network_does_not_pin_is_not_fetched(tmp_path: Path) -> None:
    served = Served(tmp_path, b"boot")
    with pytest.raises(EvidenceRefused, match="the network file does not list"):
        await fetch(served, tmp_path / "runtime", OTHER)
    assert served.reads == 0


async def test_other_files_under_the_name_of_the_pinned_runtime_are_refused_and_removed(tmp_path: Path) -> None:
    served = Served(tmp_path, b"evil", named=OTHER)
    with pytest.raises(EvidenceRefused, match="the fetched runtime has the identity"):
        await fetch(served, tmp_path / "runtime", OTHER)
    assert list((tmp_path / "runtime").iterdir()) == []
