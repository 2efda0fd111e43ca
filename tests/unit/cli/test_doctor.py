"""``sealgrid doctor``: the sandbox is tested, and the folders of keys are named and checked."""

import pytest

from tests.unit.cli.cli_runner import run_cli


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: run_cli(*words, home=tmp_path / "home")


def test_the_doctor_tests_the_sandbox_and_names_the_folders_of_the_keys(sealgrid, tmp_path):
    ended = sealgrid("doctor")
    assert str(tmp_path / "home" / "jobs") in ended.out
    assert str(tmp_path / "home" / "accounts") in ended.out
    assert "Back them up with: sealgrid account backup" in ended.out
    assert "no local network is running" in ended.out
    assert "ok no network" in ended.out
    assert ended.code == 0, ended.out


def test_the_doctor_reports_keys_that_others_can_read(sealgrid, tmp_path, monkeypatch):
    monkeypatch.setattr("sealgrid.cli.sandbox_probes.run_probes", lambda: iter(()))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "jobs").mkdir(mode=0o755)
    ended = sealgrid("doctor")
    assert ended.code == 1
    assert "NO result keys" in ended.out
