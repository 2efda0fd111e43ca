"""The path of a Unix socket fits, whatever TMPDIR is."""

import tempfile
from pathlib import Path

import pytest

from sealgrid.wire.unix_sockets import temporary_folder


@pytest.mark.parametrize(("name", "used"), [("t" * 69, True), ("t" * 70, False), ("ü" * 35, False)])
def test_a_temporary_folder_that_is_too_long_for_a_socket_is_not_used(
    name: str, used: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", f"/{name}")
    assert temporary_folder() == Path(f"/{name}" if used else "/tmp")
