"""Shows the progress of an operation: bars on a terminal, one line a step elsewhere."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sealgrid.cli.output import stderr

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import Task, TaskID

    from sealgrid.sdk.progress import Progress, ProgressStep


@contextlib.contextmanager
def show_progress() -> "Iterator[Progress]":
    """Yield a callback that shows each step."""
    if not stderr.is_terminal:
        yield _print_lines()
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Bytes(DownloadColumn):
        """Bytes done, for steps that count bytes."""

        def render(self, task: "Task") -> Text:
            return super().render(task) if task.total else Text()

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), Bytes(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as bars:
        yield _update_bars(bars)


def _print_lines() -> "Progress":
    printed: list[str] = []

    def on_progress(step: "ProgressStep") -> None:
        if step.what not in printed:
            printed.append(step.what)
            stderr.print(f"  {step.what}{'' if step.lasting else ' …'}", style="dim", markup=False)

    return on_progress


def _update_bars(bars: "Bars") -> "Progress":
    tasks: dict[str, TaskID] = {}

    def on_progress(step: "ProgressStep") -> None:
        if step.lasting:
            stderr.print(f"  {step.what}", style="dim", markup=False)
            return
        if step.what not in tasks:
            for task in tasks.values():
                bars.update(task, visible=False)
            tasks[step.what] = bars.add_task(step.what, total=step.total or None)
        bars.update(tasks[step.what], completed=step.done)

    return on_progress
