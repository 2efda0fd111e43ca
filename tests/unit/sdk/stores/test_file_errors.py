"""An error of the file system is one sentence that names the folder, its owner and the way on."""

import errno
import os

from sealgrid.sdk.stores.file_errors import file_error


def test_a_forbidden_file_names_the_folder_of_another_user(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    for number in (errno.EACCES, errno.EPERM, errno.EROFS):
        known = file_error(OSError(number, os.strerror(number), str(tmp_path / "accounts" / "alice.json")))
        assert f"{tmp_path / 'accounts' / 'alice.json'} cannot be used ({os.strerror(number)}" in str(known)
        assert f"; {tmp_path} belongs to another user); choose a folder of yours with --home DIR" in str(known)


def test_an_own_folder_that_is_read_only_has_no_other_owner(tmp_path):
    known = file_error(OSError(errno.EROFS, "Read-only file system", str(tmp_path)))
    assert str(known).startswith(f"{tmp_path} cannot be used (Read-only file system); choose a folder")


def test_a_full_disk_is_said(tmp_path):
    known = file_error(OSError(errno.ENOSPC, "No space left on device", str(tmp_path)))
    assert "free some space" in str(known)


def test_other_errors_are_not_the_users_files():
    assert file_error(OSError(errno.EACCES, "Permission denied")) is None
    assert file_error(OSError(errno.EIO, "Input/output error", "/dev/sda")) is None
    assert file_error(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")) is None
