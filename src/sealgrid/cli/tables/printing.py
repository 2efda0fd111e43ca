"""Print the story of the table for people."""

import datetime as dt
from typing import Any

from rich.console import Console
from rich.table import Table

from sealgrid.cli.stories import printing
from sealgrid.cli.tables.report import Report

BARS = "▁▂▃▄▅▆▇█"
MOST_TEXTS = 3


def show(report: Report, console: Console) -> None:
    """Print the outcome."""
    console.print(f"\n[bold]What the buyer learned[/] ({report.statistics})")
    _statistics(report.result, console)
    least = report.result["least_rows"]
    console.print(
        f"  no number tells of fewer than {least} rows; the app takes no arguments, so every run tells the same"
    )
    own = "; ".join(report.differences) or "the company's own sums, made at home, agree"
    console.print(f"  {own}", style="dim" if not report.differences else "red")
    _uses(report, console)
    printing.payments(report.payments, console)
    printing.checks(report.receipt_checks, report.receipt, console)
    printing.seconds(report.seconds, console)
    printing.seen(report.seen, console)
    printing.thefts("A theft, tried just now", report.refused, console)
    printing.verdict(ok=report.ok, task=report.task, console=console)


def _statistics(result: dict[str, Any], console: Console) -> None:
    table = Table("column", "values", "mean", "deviation", "median", "", box=None, pad_edge=False)
    for column in result["columns"]:
        table.add_row(*_row(column))
    console.print(table)


def _row(column: dict[str, Any]) -> tuple[str, ...]:
    if column["kind"] == "withheld":
        return column["name"], "", "", "", "", f"withheld: {column['reason']}"
    if column["kind"] == "text":
        shown = [f"{each['value']} {each['rows']}" for each in column["most_frequent"][:MOST_TEXTS]]
        others = column["values"] - sum(each["rows"] for each in column["most_frequent"][:MOST_TEXTS])
        texts = ", ".join([*shown, f"others {others}"] if others else shown)
        return column["name"], str(column["values"]), "", "", "", texts
    median = column["quantiles"].get("0.5")
    numbers = ("" if value is None else f"{value:g}" for value in (column["mean"], column["deviation"], median))
    return column["name"], str(column["values"]), *numbers, _bars([each["rows"] for each in column["histogram"]])


def _bars(counts: list[int]) -> str:
    most = max(counts)
    return "".join(BARS[round(count / most * (len(BARS) - 1))] for count in counts)


def _uses(report: Report, console: Console) -> None:
    console.print("\n[bold]What the company sees[/] (from the vaults' logs, held against the chain)")
    for use in report.uses:
        when = dt.datetime.fromtimestamp(use.when, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        console.print(f"  {when}  {use.who} ({use.requester}) used it, for the app {use.app} ({use.app_address})")
        console.print(f"  task {use.task}, in {use.logs} logs", style="dim")
    for finding in report.findings:
        console.print(f"  {finding}", style="yellow")
