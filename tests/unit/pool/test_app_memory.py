"""The memory limit of an app comes from its verified manifest, or is unknown."""

import asyncio
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from sealgrid.bundle.build import Bundle, build
from sealgrid.bundle.lock import encode
from sealgrid.bundle.manifest import MANIFEST
from sealgrid.errors import NotFound
from sealgrid.pool.app_memory import AppMemory
from sealgrid.units import Digest
from tests.unit.bundle.bundle_scene import APP, PYTHON, WHEEL


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    (tmp_path / "app.toml").write_text(APP)
    (tmp_path / "app.py").write_text("print(1)")
    (tmp_path / "wheels.lock").write_text(encode([WHEEL]))
    return build(tmp_path, python=PYTHON)


class Node:
    """A storage node that has one file, or answers with an error or never."""

    def __init__(self, answer: bytes | Exception | None) -> None:
        self.answer, self.requests = answer, 0

    async def read(self, sha256: Digest, limit: int) -> bytes:
        self.requests += 1
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or b""


async def test_the_limit_is_read_once_from_the_manifest(bundle: Bundle) -> None:
    node = Node(bundle.archive)
    memory = AppMemory(node.read)
    assert [await memory.of(bundle.app_digest, bundle.multiaddr) for _ in range(2)] == [100_000_000] * 2
    assert node.requests == 1


async def test_another_apps_bundle_tells_nothing(bundle: Bundle) -> None:
    other = Digest("0x" + "11" * 32)
    assert await AppMemory(Node(bundle.archive).read).of(other, bundle.multiaddr) == 0


@pytest.mark.parametrize("answer", [b"no archive", b"", NotFound("it has no such file."), None])
async def test_a_bundle_that_cannot_be_read_is_tried_again_later(
    bundle: Bundle, answer: bytes | Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sealgrid.pool.app_memory._READ_SECONDS", 0.05)
    node, now = Node(answer), 0.0
    memory = AppMemory(node.read, lambda: now)
    assert [await memory.of(bundle.app_digest, bundle.multiaddr) for _ in range(2)] == [0, 0]
    assert node.requests == 1
    node.answer, now = bundle.archive, 61.0
    assert await memory.of(bundle.app_digest, bundle.multiaddr) == 100_000_000


async def test_an_address_that_is_none_and_a_pool_without_storage_know_no_limit(bundle: Bundle) -> None:
    assert await AppMemory(Node(bundle.archive).read).of(bundle.app_digest, "https://example.org/app") == 0
    assert await AppMemory(None).of(bundle.app_digest, bundle.multiaddr) == 0


async def test_a_manifest_that_a_stranger_packed_to_end_the_pool_is_not_unpacked(bundle: Bundle) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, bytes(32 << 20))  # 32 KiB in the bundle, which may have 16 MiB
    memory = AppMemory(Node(packed.getvalue()).read)
    tracemalloc.start()
    assert await memory.of(bundle.app_digest, bundle.multiaddr) == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
