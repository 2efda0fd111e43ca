"""Runs the app as its sandbox does, on the wheel that it names."""

import zipfile

import pytest

from tests.unit.shipped_apps.app_process import WHEELS, bundled, run_app


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """Unpack the wheel that the app names, and no other, as its environment does."""
    folder = tmp_path_factory.mktemp("wheels")
    for wheel in bundled("ados")[1].manifest.wheels:
        zipfile.ZipFile(WHEELS / wheel.filename).extractall(folder)
    return folder


@pytest.fixture
def run(tmp_path, wheels):
    """Return a function that runs the app on a dataset and files."""

    def run_once(dataset, inputs, arguments=(), at="run"):
        return run_app("ados", tmp_path / at, dataset=dataset, inputs=inputs, arguments=arguments, wheels=wheels)

    return run_once
