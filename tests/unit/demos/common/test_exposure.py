"""The search of a host: a planted control must be found, and a secret must not."""

import os

import msgspec
import pytest

from sealgrid.demos.common import exposure
from sealgrid.demos.common.exposure import inspect_host
from sealgrid.demos.common.leak_search import SearchResult
from sealgrid.units import to_digest
from sealgrid.worker.exposure_log import Exposure, exposure_file

TASK = to_digest(b"\xee" * 32)
SECRET = os.urandom(5_000)
LOG = [
    Exposure("file " + "ab" * 32, 10, "00", "5347"),
    Exposure("file numpy-1-cp311-cp311-manylinux_2_17_x86_64.whl", 10, "00", "504b"),
    Exposure("message to a vault", 300, "00", "81"),
]


@pytest.fixture
def host(tmp_path):
    path = exposure_file(tmp_path / "worker" / "jobs", TASK)
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode(LOG))
    return tmp_path


def test_a_host_without_the_secret_is_clean_and_the_control_is_removed(host):
    found = inspect_host(host, TASK, {"the model": SECRET})
    assert found.clean
    assert found.lines[0] == "file abababababab…: begins 5347"
    assert found.lines[1] == "file numpy-1….whl: begins 504b"
    assert found.lines[2] == "1 messages between enclave and vaults, 300 bytes, encrypted"
    assert found.lines[3].endswith("no byte window of model (a planted one was found)")
    assert not (host / "worker" / "planted").exists()


def test_a_secret_on_the_host_is_found_and_named(host):
    (host / "storage").mkdir()
    (host / "storage" / "leak").write_bytes(SECRET)
    found = inspect_host(host, TASK, {"the model": SECRET})
    assert not found.clean
    assert f"FOUND the model in {host / 'storage' / 'leak'}" in found.lines[-1]


def test_a_search_that_misses_its_control_proves_nothing(host, monkeypatch):
    monkeypatch.setattr(exposure, "search", lambda folders, secrets: SearchResult(1, 1, ()))
    found = inspect_host(host, TASK, {"the model": SECRET})
    assert not found.clean
    assert found.lines[-1].endswith("(BUT the planted one was not found either)")
