"""Print the story of the table for people."""

import datetime as dt

from rich.console import Console

from sealgrid.demos.common import printing
from sealgrid.demos.table.report import TableReport


def show(report: TableReport, console: Console) -> None:
    """Print the outcome."""
    console.print(f"\n[bold]What the buyer learned[/] ({report.statistics})")
    console.print(report.overview.strip(), markup=False)
    console.print("the app takes no arguments: every run tells the same")
    own = "; ".join(report.differences) or "the company's own sums, made at home, agree"
    console.print(own, style="dim" if not report.differences else "red")
    _uses(report, console)
    printing.payments(report.payments, console)
    printing.checks(report.receipt_checks, report.receipt, console)
    printing.seconds(report.seconds, console)
    printing.seen(report.seen, console)
    printing.thefts("A theft, tried just now", report.refused, console)
    printing.verdict(ok=report.ok, task=report.task, console=console)


def _uses(report: TableReport, console: Console) -> None:
    console.print("\n[bold]What the company sees[/] (from the vaults' logs, held against the chain)")
    for use in report.uses:
        when = dt.datetime.fromtimestamp(use.when, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        console.print(f"  {when}  {use.who} used it, for the app {use.app}")
        console.print(f"  account {use.requester}, app {use.app_address}", style="dim")
        console.print(f"  task {use.task}, in the logs of {use.logs} vaults", style="dim")
    for finding in report.findings:
        console.print(f"  {finding}", style="yellow")
