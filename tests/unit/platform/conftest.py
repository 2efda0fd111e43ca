import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sealgrid.platform.image_store import RuntimeImage, lay_out
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from tests.unit.platform.enclave_scene import Enclave


@pytest.fixture(scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SimulatedPlatform]:
    config = PlatformConfig(
        folder=tmp_path_factory.mktemp("platform"), boot=Path(__file__).with_name("boot_for_tests.py")
    )
    platform = SimulatedPlatform(config, lambda: int(time.time()))
    yield platform
    await platform.close()


@pytest.fixture(scope="session")
async def enclave(platform: SimulatedPlatform) -> AsyncIterator[Enclave]:
    """An enclave that is only looked at, so that tests share it."""
    enclave = await Enclave(platform).launch()
    yield enclave
    await enclave.close()


@pytest.fixture
async def fresh(platform: SimulatedPlatform) -> AsyncIterator[Enclave]:
    """An enclave of a test's own."""
    enclave = await Enclave(platform).launch()
    yield enclave
    await enclave.close()


@pytest.fixture
def image(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"one")
    folder = tmp_path / "image"
    lay_out({"a": source, "b/c": source}, folder)
    return RuntimeImage(folder, tmp_path / "bytecode", "/lib64/ld")
