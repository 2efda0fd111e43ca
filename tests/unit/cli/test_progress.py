"""Progress of an operation: one line a step, or bars on a terminal."""

import io
import os

from rich.console import Console

from sealgrid.cli import progress
from sealgrid.crypto import container
from sealgrid.sdk.progress import CountedReader, ProgressStep


def test_a_counted_reader_reports_every_chunk_and_the_container_is_the_same():
    content, steps, sealed = os.urandom(3 * (1 << 16) + 5), [], io.BytesIO()
    counted = CountedReader(io.BytesIO(content), "sealing", len(content), steps.append)
    container.seal(counted, sealed, dek=bytes(32), size=len(content), key_id=bytes(16), chunk_size=1 << 16)
    assert container.open_bytes(sealed.getvalue(), bytes(32)) == content
    assert [step.done for step in steps if step.done != len(content)] == [1 << 16, 2 << 16, 3 << 16]
    assert steps[-1] == ProgressStep("sealing", len(content), len(content))


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
