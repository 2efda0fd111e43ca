"""Private files are readable by their owner only, and replaced only on request."""

import stat

import pytest

from sealgrid.sdk.stores.private_files import is_private, write_private


def test_a_file_and_its_folder_are_private(tmp_path):
    path = tmp_path / "keys" / "one.json"
    write_private(path, b"1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_private(path.parent)
    assert is_private(tmp_path / "missing")


@pytest.mark.parametrize("name", ["", "one.json"], ids=["folder", "file"])
def test_a_folder_or_file_that_others_can_read_is_not_private(tmp_path, name):
    write_private(tmp_path / "keys" / "one.json", b"1")
    (tmp_path / "keys" / name).chmod(0o750)
    assert not is_private(tmp_path / "keys")


def test_an_existing_file_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "one.json"
    write_private(path, b"1")
    with pytest.raises(FileExistsError):
        write_private(path, b"2", replace=False)
    assert path.read_bytes() == b"1"
    write_private(path, b"3")
    assert path.read_bytes() == b"3"
