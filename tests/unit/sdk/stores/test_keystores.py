"""An account is a keystore of the common format, which only its password opens."""

import json
import stat

import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, NotFound
from sealgrid.sdk.stores import keystores
from sealgrid.sdk.stores.keystores import KeystoreFolder, open_keystore

PASSWORD = "correct horse"

#: the scrypt vector of the Web3 Secret Storage Definition, version 3
VECTOR = """{"crypto": {"cipher": "aes-128-ctr", "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
"ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c", "kdf": "scrypt",
"kdfparams": {"dklen": 32, "n": 262144, "r": 1, "p": 8,
"salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
"mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},
"id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "version": 3}"""
VECTORS_KEY = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"


@pytest.fixture
def own(tmp_path, monkeypatch) -> KeystoreFolder:
    monkeypatch.setattr(keystores, "SCRYPT_N", 2)  # what is slow to guess is slow to test
    return KeystoreFolder(tmp_path / "accounts")


def test_a_keystore_of_another_program_opens(tmp_path):
    (tmp_path / "geth.json").write_text(VECTOR)
    assert open_keystore(tmp_path / "geth.json", "testpassword").secret.hex() == VECTORS_KEY


def test_an_account_opens_with_its_password_and_no_other(own):
    key = SigningKey.generate()
    made = own.add("alice", key, PASSWORD)
    assert (made.address, own.find("alice"), own.all()) == (key.address, made, (made,))
    assert own.open("alice", PASSWORD).secret == key.secret
    with pytest.raises(InputRefused, match=r"wrong password for .alice. \(") as refused:
        own.open("alice", "Correct horse")
    assert "orrect horse" not in str(refused.value)


def test_guessing_is_as_slow_as_in_other_wallets(tmp_path):
    made = KeystoreFolder(tmp_path).add("alice", SigningKey.generate(), PASSWORD)
    assert json.loads(made.path.read_text())["crypto"]["kdfparams"]["n"] == 1 << 18


def test_the_file_is_private_and_contains_neither_key_nor_password(own):
    key = SigningKey.generate()
    path = own.add("alice", key, PASSWORD).path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(own.folder.stat().st_mode) == 0o700
    assert [each.name for each in own.folder.iterdir()] == ["alice.json"]
    assert key.secret.hex() not in path.read_text()
    assert PASSWORD not in path.read_text()


def test_nothing_is_ever_overwritten(own):
    first = own.add("alice", SigningKey.generate(), PASSWORD)
    content = first.path.read_bytes()
    with pytest.raises(InputRefused, match="exists already; nothing was overwritten"):
        own.add("alice", SigningKey.generate(), PASSWORD)
    assert first.path.read_bytes() == content


@pytest.mark.parametrize("name", ["", "Alice", "../alice", "a/b", "al ice", "a" * 41, ".hidden", "owner", "requester"])
def test_a_name_that_is_none_or_that_everybody_has_is_refused(own, name):
    with pytest.raises(InputRefused):
        own.add(name, SigningKey.generate(), PASSWORD)
    assert not own.folder.exists()


def test_a_password_too_short_to_protect_anything_is_refused(own):
    with pytest.raises(InputRefused, match="at least 8"):
        own.add("alice", SigningKey.generate(), "1234567")
    assert not own.has("alice")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"version": 3, "crypto": {}}', VECTOR[:200].encode()]
)
def test_a_damaged_file_is_one_error_and_no_traceback(own, content):
    own.add("alice", SigningKey.generate(), PASSWORD).path.write_bytes(content)
    with pytest.raises(InputRefused, match="restore it from your backup"):
        own.open("alice", PASSWORD)
    with pytest.raises(InputRefused):
        own.all()


def test_a_file_that_names_anothers_address_is_refused(own):
    path = own.add("alice", SigningKey.generate(), PASSWORD).path
    path.write_text(json.dumps(json.loads(path.read_text()) | {"address": "11" * 20}))
    with pytest.raises(InputRefused, match="does not belong to its key"):
        own.open("alice", PASSWORD)


def test_an_unknown_account_is_not_found(own):
    with pytest.raises(NotFound):
        own.open("alice", PASSWORD)


def test_a_keystore_with_a_byte_order_mark_opens(tmp_path):
    (tmp_path / "windows.json").write_bytes(b"\xef\xbb\xbf" + VECTOR.encode())
    assert open_keystore(tmp_path / "windows.json", "testpassword").secret.hex() == VECTORS_KEY
