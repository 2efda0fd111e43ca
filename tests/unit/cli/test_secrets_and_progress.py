"""Secrets come from files; whoever waits is told every step."""

import io
import os

import pytest
from rich.console import Console

from sealgrid.cli import progress
from sealgrid.cli.secret_input import numbered_secrets, read_secret
from sealgrid.crypto import container
from sealgrid.errors import InputRefused
from sealgrid.sdk.progress import CountedReader, ProgressStep


def test_secrets_are_read_from_files_by_number(tmp_path):
    (tmp_path / "one").write_text("the first\n")
    (tmp_path / "two").write_bytes("zwei\nZeilen ü\r\n".encode())
    assert numbered_secrets([f"1={tmp_path / 'one'}", f"7={tmp_path / 'two'}"]) == {1: "the first", 7: "zwei\nZeilen ü"}


def test_a_secret_may_come_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))
    assert read_secret("-") == "from a pipe"


@pytest.mark.parametrize("written", ["token", "1", "1=", "one=file", "=file", "²=file"])
def test_what_is_no_numbered_file_is_refused_and_shown_as_it_was_written(written):
    with pytest.raises(InputRefused, match="write NUMBER=FILE"):
        numbered_secrets([written])


def test_a_number_given_twice_and_a_file_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "one").write_text("x")
    for written in ([f"1={tmp_path / 'one'}"] * 2, ["1=/nowhere"], [f"1={tmp_path / 'binary'}"]):
        with pytest.raises(InputRefused):
            numbered_secrets(written)


def test_sealing_tells_every_chunk_and_seals_the_same():
    content, steps, sealed = os.urandom(3 * (1 << 16) + 5), [], io.BytesIO()
    counted = CountedReader(io.BytesIO(content), "sealing", len(content), steps.append)
    container.seal(counted, sealed, dek=bytes(32), size=len(content), key_id=bytes(16), chunk_size=1 << 16)
    assert container.open_bytes(sealed.getvalue(), bytes(32)) == content
    assert [step.done for step in steps if step.done != len(content)] == [1 << 16, 2 << 16, 3 << 16]
    assert steps[-1] == ProgressStep("sealing", len(content), len(content))


STEPS = [ProgressStep("sealing", 5, 10), ProgressStep("sealing", 10, 10), ProgressStep("giving the key to the vaults")]


def test_without_a_terminal_each_step_is_one_line(monkeypatch):
    said = io.StringIO()
    monkeypatch.setattr(progress, "notes", Console(file=said))
    with progress.shown_progress() as told:
        for step in STEPS:
            told(step)
    assert said.getvalue() == "  sealing …\n  giving the key to the vaults …\n"


def test_on_a_terminal_a_bar_counts_and_is_gone_afterwards(monkeypatch):
    said = io.StringIO()
    monkeypatch.setattr(progress, "notes", Console(file=said, force_terminal=True, width=100))
    with progress.shown_progress() as told:
        for step in STEPS:
            told(step)
    assert "giving the key to the vaults" in said.getvalue()
    assert said.getvalue().endswith("\x1b[2K")
