"""A file is replaced atomically: old or new content, never a part, and no temporary file remains."""

import stat

import pytest

from sealgrid.storage.atomic_file import atomic_writer, write_file


def test_the_new_content_has_the_chosen_mode_and_no_temporary_file_remains(tmp_path):
    path = tmp_path / "state.json"
    write_file(path, b"one")
    write_file(path, b"two", mode=0o644)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_leaves_the_old_content(tmp_path):
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), atomic_writer(path) as file:
        file.writelines((b"half", "text"))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_invisible_until_it_is_whole(tmp_path):
    path = tmp_path / "state.json"
    with atomic_writer(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"half"


def test_without_replace_an_existing_file_is_an_error(tmp_path):
    path = tmp_path / "backup.zip"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_file(path, b"new", replace=False)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
