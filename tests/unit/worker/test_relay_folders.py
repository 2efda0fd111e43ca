"""What a killed worker left in its temporary folders is removed by its next process, and by no other worker's."""

import tempfile
from pathlib import Path

import pytest

from sealgrid.worker.relay_folders import make_relay_folder, remove_relay_folders


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_a_worker_removes_the_folders_of_its_earlier_process_alone(tmp_path: Path, temporary: Path):
    left, others = make_relay_folder(tmp_path / "one"), make_relay_folder(tmp_path / "two")
    (left / "relay").touch()
    remove_relay_folders(tmp_path / "one")
    assert (left.parent.exists(), others.is_dir()) == (False, True)
    assert make_relay_folder(tmp_path / "one").is_dir()


def test_a_folder_that_another_user_could_write_to_is_neither_used_nor_removed(tmp_path: Path, temporary: Path):
    made = make_relay_folder(tmp_path / "one")
    made.parent.chmod(0o777)
    assert make_relay_folder(tmp_path / "one").parent == temporary
    remove_relay_folders(tmp_path / "one")
    assert made.is_dir()


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path, temporary: Path):
    place, elsewhere = make_relay_folder(tmp_path / "one").parent, tmp_path / "elsewhere"
    remove_relay_folders(tmp_path / "one")
    elsewhere.mkdir(mode=0o700)
    place.symlink_to(elsewhere)
    assert make_relay_folder(tmp_path / "one").parent == temporary
    remove_relay_folders(tmp_path / "one")
    assert elsewhere.is_dir()


def test_the_path_of_a_socket_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    folder = make_relay_folder(tmp_path / ("long" * 60))
    assert len(str(folder / "relay")) < 60
    remove_relay_folders(tmp_path / ("long" * 60))
