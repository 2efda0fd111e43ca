"""Backup of a running vault's database, and placing it in a folder without one."""

import stat
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.vault.operator.backup import back_up, place_backup
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.database import DATABASE


@pytest.fixture
def folder(vault: Vault, tmp_path: Path) -> Path:
    """The folder of a running vault that is bound to its chain."""
    vault.database.claim(vault.federation.database_identity("0x" + "99" * 32))
    return tmp_path / "vault"


def test_a_backup_is_private_and_can_be_placed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    back_up(folder, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    placed = place_backup(target, tmp_path / "new")
    assert placed.parent == tmp_path / "new"
    assert not (tmp_path / "new" / DATABASE).exists()


def test_an_existing_file_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").write_bytes(b"mine")
    with pytest.raises(InputRefused, match="new file"):
        back_up(folder, tmp_path / "backup")
    assert (tmp_path / "backup").read_bytes() == b"mine"


def test_a_folder_without_a_database_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no vault"):
        back_up(tmp_path, tmp_path / "backup")


def test_a_damaged_backup_is_refused_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    back_up(folder, target)
    target.write_bytes(target.read_bytes()[:4096] + b"\xff" * 8192)
    with pytest.raises(InputRefused, match="damaged"):
        place_backup(target, tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())


def test_a_backup_never_replaces_a_database(folder: Path, tmp_path: Path) -> None:
    back_up(folder, tmp_path / "backup")
    with pytest.raises(InputRefused, match="newer than any copy"):
        place_backup(tmp_path / "backup", folder)
