"""What a killed worker left in its temporary folders is removed by its next process, and by no other worker's."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealgrid.worker.relay_folders import make_relay_folder, remove_relay_folders


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


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


@pytest.mark.parametrize("length", [1, 70, 71, 200])
def test_a_socket_fits_whatever_the_length_of_the_temporary_folder_and_the_workers(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, length: int
):
    named, worker = temporary / ("t" * max(1, length - len(str(temporary)) - 1)), temporary / ("long" * 60)
    named.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(named))
    folder = make_relay_folder(worker)
    assert len(str(folder / "relay")) <= 107
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "relay"))
    remove_relay_folders(worker)
    assert not folder.exists()
