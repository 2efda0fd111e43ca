import pytest

from tests.unit.enclave.protocol.release_scene import open_vaults


@pytest.fixture
def vaults(tmp_path):
    with open_vaults(tmp_path) as vaults:
        yield vaults
