"""Show a person what is being waited for: bars where bytes are counted, on a terminal; elsewhere one line a step."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sealgrid.cli.account_session import notes

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import Task, TaskID

    from sealgrid.sdk.progress import Progress, ProgressStep


@contextlib.contextmanager
def shown_progress() -> "Iterator[Progress]":
    """Show the steps that the yielded function is told."""
    if not notes.is_terminal:
        yield _lines()
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Bytes(DownloadColumn):
        """How many bytes, where bytes are counted."""

        def render(self, task: "Task") -> Text:
            return super().render(task) if task.total else Text()

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), Bytes(), TimeRemainingColumn())
    with Progress(*columns, console=notes, transient=True) as bars:
        yield _bars(bars)


def _lines() -> "Progress":
    said: list[str] = []

    def told(step: "ProgressStep") -> None:
        if step.what not in said:
            said.append(step.what)
            notes.print(f"  {step.what}{'' if step.lasting else ' …'}", style="dim", markup=False)

    return told


def _bars(bars: "Bars") -> "Progress":
    tasks: dict[str, TaskID] = {}

    def told(step: "ProgressStep") -> None:
        if step.lasting:
            notes.print(f"  {step.what}", style="dim", markup=False)
            return
        if step.what not in tasks:
            for task in tasks.values():
                bars.update(task, visible=False)
            tasks[step.what] = bars.add_task(step.what, total=step.total or None)
        bars.update(tasks[step.what], completed=step.done)

    return told
