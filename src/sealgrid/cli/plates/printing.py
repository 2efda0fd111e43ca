"""Print the story for people."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from sealgrid.cli.plates.report import Report

RLC = 10**9


def teller(console: Console) -> Callable[[str], None]:
    """Return what prints one step at a time."""
    return lambda line: console.print(line if line.startswith("  ") else f"[bold]•[/] {line}")


def show(report: Report, console: Console) -> None:
    """Print the outcome."""
    console.print()
    console.print(f"[bold]The enclave read:[/] [bold green]{report.plate}[/]")
    console.print(f"  the same model outside it reads {report.reference}; drawn was {report.expected or 'unknown'}")
    console.print(f"  the picture with the box: {report.annotated}")
    _payments(report, console)
    _checks(report, console)
    _seconds(report, console)
    console.print("\n[bold]What the machine that ran it saw[/]")
    for line in report.seen:
        console.print(f"  {line}")
    _thefts(report, console)
    verdict = "[bold green]all of it held[/]" if report.ok else "[bold red]something did not hold[/]"
    console.print(f"\n{verdict}; task {report.task}")
    console.print("simulated platform: it protects nothing from this machine's root", style="dim")


def _payments(report: Report, console: Console) -> None:
    console.print("\n[bold]Who was paid[/] (test credits)")
    for paid in report.payments:
        console.print(f"  {paid.who:<10} {paid.amount / RLC:>8.3f}  {paid.account}")


def _checks(report: Report, console: Console) -> None:
    console.print(f"\n[bold]The receipt, check by check[/] ({report.receipt})")
    for check in report.receipt_checks:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        console.print(f"  {mark} ({check.number}) {check.sentence}")


def _seconds(report: Report, console: Console) -> None:
    table = Table("stage", "seconds", title="Seconds per stage", title_justify="left", box=None, pad_edge=False)
    for stage, seconds in report.seconds.items():
        table.add_row(stage, f"{seconds:.2f}")
    console.print()
    console.print(table)


def _thefts(report: Report, console: Console) -> None:
    console.print("\n[bold]Four thefts, tried just now[/]")
    for refusal in report.refused:
        mark = "[green]refused[/]" if refusal.check else "[red]NOT REFUSED[/]"
        console.print(f"  {mark} {refusal.theft}")
        console.print(f"          by {refusal.refused_by}, check ({refusal.check}): {refusal.reason}", style="dim")
