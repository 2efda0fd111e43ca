"""``sealgrid up``, ``down`` and ``status`` where no network runs."""

import json

import pytest

from sealgrid.sdk.stores import keystores
from tests.unit.cli.cli_runner import run_cli


@pytest.fixture
def sealgrid(tmp_path, monkeypatch):
    monkeypatch.setattr(keystores, "SCRYPT_N", 2)
    (tmp_path / "password").write_text("correct horse\n")
    return lambda *words: run_cli(*words, home=tmp_path / "home", folder=tmp_path)


def test_wiping_a_network_keeps_the_keys_without_another_copy(sealgrid, tmp_path):
    sealgrid("account", "new", "alice", "--password-file", "password")
    (tmp_path / "home" / "chain").mkdir()
    (tmp_path / "home" / "deployment.json").write_text("{}")
    ended = sealgrid("down", "--wipe")
    assert f"kept {tmp_path / 'home' / 'accounts'}" in ended.err.replace("\n", "")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["accounts"]
    assert "alice" in sealgrid("account", "list").out


def test_without_a_network_the_status_is_an_exit_code(sealgrid):
    ended = sealgrid("status")
    assert ended.code == 1
    assert "start one with: sealgrid up" in ended.out
    document = json.loads(sealgrid("status", "--json").out)
    assert (document["running"], document["process"], document["rpc_url"]) == (False, None, None)


def test_without_a_network_there_is_nothing_to_stop(sealgrid):
    ended = sealgrid("down")
    assert (ended.code, ended.err) == (0, "no local network was running\n")


def test_the_status_and_the_doctor_name_what_stopped_the_last_start(sealgrid, tmp_path, monkeypatch):
    monkeypatch.setattr("sealgrid.cli.sandbox_probes.run_probes", lambda: iter(()))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "start-error.txt").write_text("platform did not start: no app can run on this machine.")
    ended = sealgrid("status")
    assert ended.code == 1
    assert "the last one ended with an error: platform did not start" in ended.out
    assert json.loads(sealgrid("status", "--json").out)["start_error"].startswith("platform did not start")
    doctor = sealgrid("doctor")
    assert doctor.code == 1
    assert "NO the last start      platform did not start" in doctor.out
