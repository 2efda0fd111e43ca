"""A first app runs in the sandbox, or the reason why none can is told in bubblewrap's words."""

import pytest

from sealgrid.enclave.sandbox import sandbox_check
from sealgrid.enclave.sandbox.sandbox_check import main, sandbox_fault

REFUSED = "bwrap: setting up uid map: Permission denied"


@pytest.fixture
def refusing(tmp_path, monkeypatch):
    """Put a bubblewrap on the PATH that the kernel refuses, as Ubuntu's AppArmor rule does."""
    (tmp_path / "bwrap").write_text(f'#!/bin/sh\necho "{REFUSED}" >&2\nexit 1\n')
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_first_app_runs_here():
    assert sandbox_fault() is None
    main()


def test_a_refusal_of_the_kernel_is_told_in_bubblewraps_words(refusing):
    assert sandbox_fault() == f"the sandbox did not start: {REFUSED}"
    with pytest.raises(SystemExit, match="uid map"):
        main()


def test_a_missing_bubblewrap_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "bubblewrap is not installed" in sandbox_fault()


def test_an_app_that_cannot_write_its_result_is_a_fault(monkeypatch):
    monkeypatch.setattr(sandbox_check, "_APP", "import sys; sys.exit('no room')")
    assert sandbox_fault() == "the first app ended with code 1: no room"
