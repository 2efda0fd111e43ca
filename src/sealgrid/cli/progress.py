"""Show a person what is being waited for: bars where bytes are counted, on a terminal; elsewhere one line a step."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sealgrid.cli.session import notes

if TYPE_CHECKING:
    from rich import progress

    from sealgrid.sdk.progress import Progress, Step


@contextlib.contextmanager
def shown_progress() -> "Iterator[Progress]":
    """Show the steps that the yielded function is told."""
    if not notes.is_terminal:
        yield _lines()
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.SpinnerColumn(), rich_progress.TextColumn("{task.description}"), rich_progress.BarColumn(),
        rich_progress.DownloadColumn(), rich_progress.TimeRemainingColumn(),
    )  # fmt: skip
    with rich_progress.Progress(*columns, console=notes, transient=True) as bars:
        yield _bars(bars)


def _lines() -> "Progress":
    said: list[str] = []

    def told(step: "Step") -> None:
        if step.what not in said:
            said.append(step.what)
            notes.print(f"  {step.what} …", style="dim", markup=False)

    return told


def _bars(bars: "progress.Progress") -> "Progress":
    tasks: dict[str, progress.TaskID] = {}

    def told(step: "Step") -> None:
        if step.what not in tasks:
            for task in tasks.values():
                bars.update(task, visible=False)
            tasks[step.what] = bars.add_task(step.what, total=step.total or None)
        bars.update(tasks[step.what], completed=step.done)

    return told
