"""The folder of an app."""

import pytest

from sealgrid.bundle.lock import encode
from tests.unit.bundle.bundle_scene import APP, WHEEL


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.toml").write_text(APP)
    (tmp_path / "app.py").write_text("print(1)")
    (tmp_path / "wheels.lock").write_text(encode([WHEEL]))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x").write_bytes(b"\0")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/app.py").write_bytes(b"never")
    return tmp_path
