"""A vault's key files, and shares at rest."""

import os
import stat
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.vault.keys import KEYS_FOLDER, AtRest, open_keys

SHARE = b"a share of sixty-four bytes".ljust(64, b".")


def test_keys_are_made_once_and_found_again(tmp_path: Path) -> None:
    first, again = open_keys(tmp_path), open_keys(tmp_path)
    assert first.address == again.address
    assert first.deposit.public == again.deposit.public
    assert again.at_rest.open(first.at_rest.shut(SHARE, b"row"), b"row") == SHARE


def test_key_files_are_their_owners_alone(tmp_path: Path) -> None:
    open_keys(tmp_path)
    files = list((tmp_path / KEYS_FOLDER).iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / KEYS_FOLDER).stat().st_mode) == 0o700


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_keys(tmp_path)
    (tmp_path / KEYS_FOLDER / "deposit.key").chmod(0o640)
    with pytest.raises(InputRefused, match=r"deposit\.key"):
        open_keys(tmp_path)


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    open_keys(tmp_path)
    file = tmp_path / KEYS_FOLDER / "at-rest.key"
    file.write_bytes(file.read_bytes()[:16])
    with pytest.raises(InputRefused, match=r"at-rest\.key"):
        open_keys(tmp_path)


def test_a_stored_share_opens_in_its_own_row_and_with_its_own_key_only() -> None:
    mine = AtRest(b"\1" * 32, os.urandom)
    stored = mine.shut(SHARE, b"row 1")
    assert SHARE not in stored
    for key, row, content in (
        (mine, b"row 2", stored),
        (AtRest(b"\2" * 32, os.urandom), b"row 1", stored),
        (mine, b"row 1", stored[:-1] + bytes([stored[-1] ^ 1])),
        (mine, b"row 1", b""),
    ):
        with pytest.raises(InputRefused):
            key.open(content, row)


def test_no_key_shows_itself(tmp_path: Path) -> None:
    keys = open_keys(tmp_path)
    shown = repr(keys)
    for secret in (keys.signing.secret, keys.deposit.secret):
        assert secret.hex() not in shown
