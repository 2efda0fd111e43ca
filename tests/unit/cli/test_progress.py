"""Progress of an operation: one line a step, or bars on a terminal."""

import io

from rich.console import Console

from sealgrid.cli import progress
from sealgrid.sdk.progress import ProgressStep

STEPS = [ProgressStep("sealing", 5, 10), ProgressStep("sealing", 10, 10), ProgressStep("giving the key to the vaults")]


def test_without_a_terminal_each_step_is_one_line(monkeypatch):
    printed = io.StringIO()
    monkeypatch.setattr(progress, "stderr", Console(file=printed))
    with progress.show_progress() as on_progress:
        for step in STEPS:
            on_progress(step)
    assert printed.getvalue() == "  sealing …\n  giving the key to the vaults …\n"


def test_on_a_terminal_a_bar_counts_and_is_gone_afterwards(monkeypatch):
    printed = io.StringIO()
    monkeypatch.setattr(progress, "stderr", Console(file=printed, force_terminal=True, width=100))
    with progress.show_progress() as on_progress:
        for step in STEPS:
            on_progress(step)
    assert "giving the key to the vaults" in printed.getvalue()
    assert printed.getvalue().endswith("\x1b[2K")
