"""``sealgrid account``: keystores are made, imported, listed and backed up, and no password is printed."""

import json
import shutil

import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.sdk.stores import keystores
from sealgrid.sdk.stores.keystores import KeystoreFolder
from tests.unit.cli.cli_runner import run_cli


@pytest.fixture
def sealgrid(tmp_path, monkeypatch):
    monkeypatch.setattr(keystores, "SCRYPT_N", 2)
    (tmp_path / "password").write_text("correct horse\n")
    return lambda *words: run_cli(*words, home=tmp_path / "home", folder=tmp_path)


def type_passwords(monkeypatch, *passwords: str) -> None:
    waiting = iter(passwords)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(waiting))


def test_a_new_account_is_printed_with_its_keystore_and_how_to_back_it_up(sealgrid, tmp_path):
    ended = sealgrid("account", "new", "alice", "--password-file", "password")
    assert ended.code == 0, ended.err
    made = KeystoreFolder(tmp_path / "home" / "accounts").find("alice")
    assert ended.out == f"{made.address}  alice\n"
    assert str(made.path) in ended.err
    assert "sealgrid account backup" in ended.err
    assert "correct horse" not in ended.out + ended.err


def test_a_new_password_is_entered_twice_and_a_difference_makes_no_account(sealgrid, tmp_path, monkeypatch):
    type_passwords(monkeypatch, "correct horse", "corect horse", "correct horse", "correct horse")
    assert "the two passwords differ" in sealgrid("account", "new", "alice").err
    assert not (tmp_path / "home" / "accounts").exists()
    assert sealgrid("account", "new", "alice").code == 0


def test_without_a_terminal_a_password_file_is_required(sealgrid):
    ended = sealgrid("account", "new", "alice")
    assert ended.code == 1
    assert "give --password-file FILE" in ended.err


def test_accounts_are_listed_and_shown_for_people_and_programs(sealgrid, tmp_path):
    assert "no account of your own" in sealgrid("account", "list").err
    sealgrid("account", "new", "alice", "--password-file", "password")
    made = KeystoreFolder(tmp_path / "home" / "accounts").find("alice")
    document = {"name": "alice", "address": made.address, "keystore": str(made.path)}
    assert sealgrid("account", "list").out == f"{made.address}  alice\n"
    assert json.loads(sealgrid("account", "list", "--json").out) == [document]
    assert json.loads(sealgrid("account", "show", "alice", "--json").out) == document
    assert f"keystore  {made.path}" in sealgrid("account", "show", "alice").out


def test_a_keystore_of_another_wallet_or_a_plain_key_is_imported(sealgrid, tmp_path):
    key = SigningKey.generate()
    elsewhere = KeystoreFolder(tmp_path).add("elsewhere", key, "correct horse").path
    (tmp_path / "plain").write_text(key.secret.hex())
    for name, file in (("one", elsewhere), ("two", tmp_path / "plain")):
        ended = sealgrid("account", "import", name, file, "--password-file", "password")
        assert ended.code == 0, ended.err
        assert KeystoreFolder(tmp_path / "home" / "accounts").open(name, "correct horse").secret == key.secret
    (tmp_path / "password").write_text("another horse")
    assert "wrong password" in sealgrid("account", "import", "three", elsewhere, "--password-file", "password").err


def test_accounts_are_restored_from_a_backup(sealgrid, tmp_path):
    sealgrid("account", "new", "alice", "--password-file", "password")
    address = sealgrid("account", "list").out
    ended = sealgrid("account", "backup", "backup.zip")
    assert ended.out == "backup.zip: 1 keystore\n"
    assert "Store it safely" in ended.err
    shutil.rmtree(tmp_path / "home")
    assert sealgrid("account", "restore", "backup.zip").out == "restored 1 keystore\n"
    assert sealgrid("account", "list").out == address
