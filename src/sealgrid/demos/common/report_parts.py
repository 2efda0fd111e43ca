"""Prints the parts that the reports of all demos have."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from sealgrid.demos.common.outcome import CheckLine, PartyPayment, TheftRefusal

RLC = 10**9


def step_printer(console: Console) -> Callable[[str], None]:
    """Return a callback that prints one step."""
    return lambda line: console.print(line if line.startswith("  ") else f"[bold]•[/] {line}")


def payments(paid: Sequence[PartyPayment], console: Console) -> None:
    """Print the payments of a run."""
    console.print("\n[bold]Who was paid[/] (test credits)")
    for each in paid:
        console.print(f"  {each.party:<10} {each.amount / RLC:>8.3f}  {each.account}")


def checks(lines: Sequence[CheckLine], receipt: str, console: Console) -> None:
    """Print every check of a receipt."""
    console.print(f"\n[bold]The receipt, check by check[/] ({receipt})")
    for check in lines:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        console.print(f"  {mark} ({check.number}) {check.sentence}")


def seconds(stages: dict[str, float], console: Console) -> None:
    """Print the seconds of each stage."""
    table = Table("stage", "seconds", title="Seconds per stage", title_justify="left", box=None, pad_edge=False)
    for stage, took in stages.items():
        table.add_row(stage, f"{took:.2f}")
    console.print()
    console.print(table)


def exposure(lines: Sequence[str], console: Console) -> None:
    """Print what the worker's machine had."""
    console.print("\n[bold]What the worker's machine had[/]")
    for line in lines:
        console.print(f"  {line}")


def thefts(title: str, refused: Sequence[TheftRefusal], console: Console) -> None:
    """Print the attempted thefts and the check that refused each."""
    console.print(f"\n[bold]{title}[/]")
    for refusal in refused:
        mark = "[green]refused[/]" if refusal.check else "[red]NOT REFUSED[/]"
        console.print(f"  {mark} {refusal.theft}")
        reason = refusal.reason.removeprefix(f"The broker refused, check ({refusal.check}): ")
        console.print(f"          by {refusal.refused_by}, check ({refusal.check}): {reason}", style="dim")


def verdict(*, ok: bool, task: str, console: Console) -> None:
    """Print whether all checks hold."""
    outcome = "[bold green]all checks hold[/]" if ok else "[bold red]a check failed[/]"
    console.print(f"\n{outcome}; task {task}")
    console.print("simulated platform: no protection from this machine's root", style="dim")
