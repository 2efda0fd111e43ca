"""A file is replaced as a whole or not at all, and the temporary file never stays."""

import pytest

from sealgrid.storage.atomic_file import atomic_writer, write_file


def test_a_new_file_has_its_content_and_only_its_owner_reads_it(tmp_path):
    write_file(tmp_path / "key", b"secret")
    assert (tmp_path / "key").read_bytes() == b"secret"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_replaced(tmp_path):
    write_file(tmp_path / "name", b"old")
    write_file(tmp_path / "name", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_an_existing_file_stays_unless_it_may_be_replaced(tmp_path):
    write_file(tmp_path / "name", b"old")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "name", b"new", replace=False)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    write_file(tmp_path / "name", b"old")

    def fail_half_way():
        with atomic_writer(tmp_path / "name") as file:
            file.write(b"ne")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        fail_half_way()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_the_file_has_its_name_only_when_the_writer_is_done(tmp_path):
    with atomic_writer(tmp_path / "name", durable=False) as file:
        file.write(b"content")
        assert not (tmp_path / "name").exists()
    assert (tmp_path / "name").read_bytes() == b"content"
