import pytest

from tests.unit.enclave.app_scene import Scene


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)
