"""Input files are bought in the forms that people have them, and a client is used by one process only."""

import hashlib
import io
import os
import signal
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

import sealgrid
from tests.e2e.running_network import SEALGRID

pytestmark = pytest.mark.localnet

CONTENT = b"[[1, 2, 3]]"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="session")
def hasher(localnet) -> str:
    with sealgrid.connect("developer", data=localnet.layout.root) as me:
        return me.apps.deploy("hash-file").address


@pytest.fixture
def requester(localnet):
    with sealgrid.connect("requester", data=localnet.layout.root) as me:
        yield me


def test_a_path_bytes_a_file_and_an_array_reach_the_app(requester, hasher, tmp_path, monkeypatch):
    (tmp_path / "x.json").write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)
    array = np.arange(3, dtype=np.float32)
    saved = io.BytesIO()
    np.save(saved, array)
    bought = [
        requester.run(hasher, files=files) for files in ("x.json", [Path("x.json"), b"more", array], {"y": CONTENT})
    ]
    first, several, named = (run.result().json()["files"] for run in bought)
    assert first == [{"name": "x.json", "sha256": sha256(CONTENT)}]
    assert several == [
        {"name": "x.json", "sha256": sha256(CONTENT)},
        {"name": "input.bin", "sha256": sha256(b"more")},
        {"name": "input.npy", "sha256": sha256(saved.getvalue())},
    ]
    assert named == [{"name": "y", "sha256": sha256(CONTENT)}]


def test_what_is_no_file_is_refused_before_money_moves(requester, hasher):
    before = requester.account.balance()
    for files in (3, [[1.5]], "/", "nowhere.json"):
        with pytest.raises(sealgrid.InputRefused) as refused:
            requester.run(hasher, files=files)
        assert str(refused.value).endswith("No money moved.")
    assert requester.account.balance() == before


def test_standard_input_is_an_input_file_of_the_command(localnet, hasher):
    ended = subprocess.run(
        [SEALGRID, "run", hasher, "--file", "-", "--home", str(localnet.layout.root)],
        input=CONTENT,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert sha256(CONTENT).encode() in ended.stdout


def test_a_client_is_refused_after_a_fork_and_the_child_connects_by_itself(requester, localnet):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads: this is the case
        pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        code = 1
        try:
            with pytest.raises(sealgrid.ClientForked, match="opened before a fork"):
                requester.account.balance()
            with sealgrid.connect("requester", data=localnet.layout.root) as own:
                with pytest.raises(sealgrid.ClientForked):
                    requester.account.balance()
                assert own.account.balance() is not None
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert requester.account.balance() is not None
