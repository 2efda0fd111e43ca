"""Runs the app as its sandbox does, on the wheels that it names."""

import json
import zipfile

import pytest

from tests.unit.shipped_apps.app_process import WHEELS, bundled, run_app


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """Unpack the wheels that the app names, and no other, as its environment does."""
    folder = tmp_path_factory.mktemp("wheels")
    for wheel in bundled("onnx_runner")[1].manifest.wheels:
        with zipfile.ZipFile(WHEELS / wheel.filename) as archive:
            archive.extractall(folder)
    return folder


@pytest.fixture
def run(tmp_path, wheels):
    def run_model(content: bytes | None, value: bytes | object, *arguments: str, inputs=None, at="run"):
        document = value if isinstance(value, bytes) else json.dumps(value).encode()
        files = {"0xfile": document} if inputs is None else inputs
        return run_app("onnx_runner", tmp_path / at, dataset=content, inputs=files, arguments=arguments, wheels=wheels)

    return run_model
