"""``sealgrid up``, ``down`` and ``status`` where no network runs."""

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
