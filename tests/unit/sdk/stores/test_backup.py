"""A backup has every private file once; restoring overwrites nothing and writes nothing foreign."""

import shutil
import stat
import zipfile

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.stores.backup import back_up, restore
from sealgrid.sdk.stores.home import home

MODEL = "0x" + "cd" * 20
TASK = "0x" + "ab" * 32


@pytest.fixture
def folders(tmp_path):
    folders = home(tmp_path / "home")
    for folder, name in (
        (folders.accounts, "alice.json"),
        (folders.models, f"{MODEL}.json"),
        (folders.jobs, f"{TASK}.json"),
    ):
        folder.mkdir(parents=True)
        (folder / name).write_text(f"the content of {name}")
        (folder / f".{name}.7.part").write_text("half")
    return folders


def test_after_a_wipe_all_files_are_restored_and_private(folders, tmp_path):
    paths = back_up(folders, tmp_path / "backup.zip")
    contents = [path.read_text() for path in paths]
    assert [path.name for path in paths] == ["alice.json", f"{MODEL}.json", f"{TASK}.json"]
    assert stat.S_IMODE((tmp_path / "backup.zip").stat().st_mode) == 0o600
    shutil.rmtree(tmp_path / "home")
    outcome = restore(folders, tmp_path / "backup.zip")
    assert (outcome.written, outcome.conflicts) == (paths, ())
    assert [path.read_text() for path in paths] == contents
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_existing_files_are_not_changed(folders, tmp_path):
    alice, model, job = back_up(folders, tmp_path / "backup.zip")
    alice.write_text("a newer one")
    outcome = restore(folders, tmp_path / "backup.zip")
    assert (outcome.written, outcome.conflicts) == ((), (alice,))
    assert alice.read_text() == "a newer one"
    assert model.exists()
    assert job.exists()


def test_a_backup_never_replaces_a_file(folders, tmp_path):
    (tmp_path / "backup.zip").write_text("precious")
    with pytest.raises(InputRefused, match="exists already"):
        back_up(folders, tmp_path / "backup.zip")
    assert (tmp_path / "backup.zip").read_text() == "precious"


def test_an_empty_data_folder_is_not_backed_up(tmp_path):
    with pytest.raises(InputRefused, match="nothing to back up"):
        back_up(home(tmp_path), tmp_path / "backup.zip")
    assert not (tmp_path / "backup.zip").exists()


@pytest.mark.parametrize(
    "name", ["../alice.json", "accounts/../../x.json", "/etc/x.json", "bin/x.json", "accounts/x.sh"]
)
def test_a_foreign_entry_is_refused_before_anything_is_written(folders, tmp_path, name):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("accounts/bob.json", "{}")
        archive.writestr(name, "{}")
    with pytest.raises(InputRefused, match="nothing was restored"):
        restore(folders, tmp_path / "odd.zip")
    assert not (folders.accounts / "bob.json").exists()


def test_another_file_is_refused(folders, tmp_path):
    (tmp_path / "odd.zip").write_bytes(b"PK\x03\x04 and no more")
    for path in (tmp_path / "odd.zip", tmp_path / "nowhere.zip"):
        with pytest.raises(InputRefused):
            restore(folders, path)
