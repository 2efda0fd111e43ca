"""``sealgrid account``: keystores are made, imported, listed and backed up, and no password is printed."""

import json
import shutil

import eth_account
import pytest

from sealgrid.chain.accounts import TEST_MNEMONIC
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
    assert "name a file with --password-file FILE" in ended.err


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


def short_keystore(folder, password):
    """Write a keystore with a password that is too short for ours; return its file and key."""
    key = SigningKey.generate()
    file = folder / "short.json"
    file.write_text(json.dumps(eth_account.Account.encrypt(key.secret, password, kdf="pbkdf2", iterations=2)))
    (folder / "short").write_text(f"{password}\n")
    return file, key


@pytest.mark.parametrize("password", ["", "test"])
def test_a_keystore_with_a_short_password_gets_a_new_one_for_our_copy(sealgrid, tmp_path, password):
    file, key = short_keystore(tmp_path, password)
    words = ("account", "import", "alice", file, "--password-file", "short")
    refused = sealgrid(*words)
    assert refused.code == 1
    assert "give a new one with --new-password-file FILE. No account was made." in refused.err
    assert not (tmp_path / "home" / "accounts").exists()
    ended = sealgrid(*words, "--new-password-file", "password")
    assert ended.code == 0, ended.err
    assert KeystoreFolder(tmp_path / "home" / "accounts").open("alice", "correct horse").secret == key.secret


def test_a_terminal_asks_for_the_new_password_twice(sealgrid, tmp_path, monkeypatch):
    file, key = short_keystore(tmp_path, "test")
    type_passwords(monkeypatch, "test", "correct horse", "correct horse")
    assert sealgrid("account", "import", "alice", file).code == 0
    assert KeystoreFolder(tmp_path / "home" / "accounts").open("alice", "correct horse").secret == key.secret


def test_a_wrong_short_password_is_wrong_before_it_is_short(sealgrid, tmp_path):
    file, _ = short_keystore(tmp_path, "test")
    (tmp_path / "short").write_text("tset\n")
    assert "wrong password" in sealgrid("account", "import", "alice", file, "--password-file", "short").err


def test_a_recovery_phrase_is_named_and_makes_no_account(sealgrid, tmp_path):
    (tmp_path / "phrase").write_text(TEST_MNEMONIC)
    ended = sealgrid("account", "import", "alice", "phrase", "--password-file", "password")
    assert ended.code == 1
    assert "phrase contains a recovery phrase" in ended.err
    assert "junk" not in ended.err
    assert not (tmp_path / "home" / "accounts").exists()


def test_accounts_are_restored_from_a_backup(sealgrid, tmp_path):
    sealgrid("account", "new", "alice", "--password-file", "password")
    address = sealgrid("account", "list").out
    ended = sealgrid("account", "backup", "backup.zip")
    assert ended.out == "backup.zip: 1 keystore\n"
    assert "Store it safely" in ended.err
    shutil.rmtree(tmp_path / "home")
    assert sealgrid("account", "restore", "backup.zip").out == "restored 1 keystore\n"
    assert sealgrid("account", "list").out == address
