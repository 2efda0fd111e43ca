"""A folder that one process has at a time."""

import pytest

from sealgrid.ados.folder_lock import hold_folder
from sealgrid.errors import InputRefused


def test_a_folder_has_one_holder_at_a_time(tmp_path):
    for _ in range(2):  # it is free again afterwards
        with hold_folder(tmp_path / "new" / "folder", "taken."):
            assert (tmp_path / "new" / "folder").stat().st_mode & 0o077 == 0
            with pytest.raises(InputRefused, match=r"^taken\.$"), hold_folder(tmp_path / "new" / "folder", "taken."):
                pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputRefused, match="file/folder cannot be used"), hold_folder(tmp_path / "file" / "folder", ""):
        pass
