"""Without bubblewrap, or where the machine refuses it, the error says so in bubblewrap's own words."""

import pytest

from sealgrid.errors import SetupMissing
from sealgrid.testing.sandbox_check import check_sandbox


def test_a_machine_that_makes_sandboxes_passes():
    check_sandbox()


def test_missing_bubblewrap_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupMissing, match="bubblewrap is not installed"):
        check_sandbox()


def test_a_refusal_of_the_machine_is_quoted(tmp_path, monkeypatch):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupMissing, match="setting up uid map: Permission denied"):
        check_sandbox()
