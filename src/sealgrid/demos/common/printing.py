"""Print for people what all stories have."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from sealgrid.demos.common.outcome import CheckLine, PartyPayment, TheftRefusal

RLC = 10**9


def teller(console: Console) -> Callable[[str], None]:
    """Return what prints one step at a time."""
    return lambda line: console.print(line if line.startswith("  ") else f"[bold]•[/] {line}")


def payments(paid: Sequence[PartyPayment], console: Console) -> None:
    """Print who was paid."""
    console.print("\n[bold]Who was paid[/] (test credits)")
    for each in paid:
        console.print(f"  {each.who:<10} {each.amount / RLC:>8.3f}  {each.account}")


def checks(lines: Sequence[CheckLine], receipt: str, console: Console) -> None:
    """Print every check of a receipt."""
    console.print(f"\n[bold]The receipt, check by check[/] ({receipt})")
    for check in lines:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        console.print(f"  {mark} ({check.number}) {check.sentence}")


def seconds(stages: dict[str, float], console: Console) -> None:
    """Print how long each stage took."""
    table = Table("stage", "seconds", title="Seconds per stage", title_justify="left", box=None, pad_edge=False)
    for stage, took in stages.items():
        table.add_row(stage, f"{took:.2f}")
    console.print()
    console.print(table)


def seen(lines: Sequence[str], console: Console) -> None:
    """Print what the machine saw."""
    console.print("\n[bold]What the machine that ran it saw[/]")
    for line in lines:
        console.print(f"  {line}")


def thefts(title: str, refused: Sequence[TheftRefusal], console: Console) -> None:
    """Print which thefts were tried, and what refused each."""
    console.print(f"\n[bold]{title}[/]")
    for refusal in refused:
        mark = "[green]refused[/]" if refusal.check else "[red]NOT REFUSED[/]"
        console.print(f"  {mark} {refusal.theft}")
        said = refusal.reason.removeprefix(f"The broker refused, check ({refusal.check}): ")
        console.print(f"          by {refusal.refused_by}, check ({refusal.check}): {said}", style="dim")


def verdict(*, ok: bool, task: str, console: Console) -> None:
    """Print whether all of it held."""
    said = "[bold green]all of it held[/]" if ok else "[bold red]something did not hold[/]"
    console.print(f"\n{said}; task {task}")
    console.print("simulated platform: it protects nothing from this machine's root", style="dim")
