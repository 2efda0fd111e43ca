"""A vault's key files, and shares at rest."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.vault.keys import KEYS_FOLDER, KeyCommand, ShareEncryption, load_key_files, load_keys

SHARE = b"a share of sixty-four bytes".ljust(64, b".")


def test_keys_are_made_once_and_found_again(tmp_path: Path) -> None:
    first, again = load_key_files(tmp_path), load_key_files(tmp_path)
    assert first.address == again.address
    assert first.deposit.public == again.deposit.public
    assert again.at_rest.decrypt(first.at_rest.encrypt(SHARE, b"row"), b"row") == SHARE


def test_key_files_are_their_owners_alone(tmp_path: Path) -> None:
    load_key_files(tmp_path)
    files = list((tmp_path / KEYS_FOLDER).iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / KEYS_FOLDER).stat().st_mode) == 0o700


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_key_files(tmp_path)
    (tmp_path / KEYS_FOLDER / "deposit.key").chmod(0o640)
    with pytest.raises(InputRefused, match=r"deposit\.key"):
        load_key_files(tmp_path)


def test_a_folder_that_others_may_put_keys_into_is_refused(tmp_path: Path) -> None:
    load_key_files(tmp_path)
    (tmp_path / KEYS_FOLDER).chmod(0o770)
    with pytest.raises(InputRefused, match="mode 700"):
        load_key_files(tmp_path)


def test_keys_may_come_from_a_program_that_asks_who_keeps_them(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("#!/bin/sh\necho $(printf %s $2 | sha256sum | cut -c1-64)\n")
    kept.chmod(0o700)
    keys = load_keys(KeyCommand((str(kept), "--slot=1")))
    assert keys.signing.secret == hashlib.sha256(b"signing").digest()
    assert keys.deposit.secret == hashlib.sha256(b"deposit").digest()
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize("script", ["exit 1", "echo secret-words", "echo 00"])
def test_a_program_that_gives_no_key_is_named_and_what_it_said_is_not(tmp_path: Path, script: str) -> None:
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o700)
    with pytest.raises(InputRefused) as caught:
        load_keys(KeyCommand((str(broken),)))
    assert "secret-words" not in f"{caught.value}{caught.value.__cause__}"
    with pytest.raises(InputRefused, match="missing"):
        load_keys(KeyCommand((str(tmp_path / "missing"),)))


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    load_key_files(tmp_path)
    file = tmp_path / KEYS_FOLDER / "at-rest.key"
    file.write_bytes(file.read_bytes()[:16])
    with pytest.raises(InputRefused, match=r"at-rest\.key"):
        load_key_files(tmp_path)


def test_a_stored_share_opens_in_its_own_row_and_with_its_own_key_only() -> None:
    mine = ShareEncryption(b"\1" * 32, os.urandom)
    stored = mine.encrypt(SHARE, b"row 1")
    assert SHARE not in stored
    for key, row, content in (
        (mine, b"row 2", stored),
        (ShareEncryption(b"\2" * 32, os.urandom), b"row 1", stored),
        (mine, b"row 1", stored[:-1] + bytes([stored[-1] ^ 1])),
        (mine, b"row 1", b""),
    ):
        with pytest.raises(InputRefused):
            key.decrypt(content, row)


def test_no_key_shows_itself(tmp_path: Path) -> None:
    keys = load_key_files(tmp_path)
    shown = repr(keys)
    for secret in (keys.signing.secret, keys.deposit.secret):
        assert secret.hex() not in shown
