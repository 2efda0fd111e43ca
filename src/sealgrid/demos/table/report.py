"""Report of the table demo, as data, as one line of JSON, and printed."""

import datetime as dt
from typing import Any

import msgspec
from rich.console import Console

from sealgrid.demos.common import report_parts
from sealgrid.demos.common.outcome import CheckLine, PartyPayment, TheftRefusal
from sealgrid.units import Address, DealId, TaskId


class TableUse(msgspec.Struct, frozen=True):
    """One use of the table, from the vaults' logs."""

    user: str
    requester: Address
    time: int  #: Unix seconds
    app: str  #: public name, which is not unique
    app_address: Address
    task: TaskId
    logs: int  #: vaults that logged it


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the demo."""

    ok: bool
    result: dict[str, Any]  #: the app's result.json
    overview: str  #: the app's overview.txt
    differences: tuple[str, ...]  #: from statistics that the owner computed itself
    dataset: Address
    task: TaskId
    deal: DealId
    receipt_checks: tuple[CheckLine, ...]
    payments: tuple[PartyPayment, ...]
    uses: tuple[TableUse, ...]
    findings: tuple[str, ...]  #: disagreements of logs, witnesses and chain
    seconds: dict[str, float]
    refused: tuple[TheftRefusal, ...]
    statistics: str  #: path of the result's file
    receipt: str  #: path of the receipt's file
    exposure: tuple[str, ...]  #: what the worker's machine had

    def as_line(self) -> str:
        """Return one line of JSON."""
        return msgspec.json.encode(self).decode()


def print_table_report(report: TableReport, console: Console) -> None:
    """Print the report."""
    console.print(f"\n[bold]What the buyer learned[/] ({report.statistics})")
    console.print(report.overview.strip(), markup=False)
    console.print("the app takes no arguments: every run returns the same")
    comparison = "; ".join(report.differences) or "statistics that the company computed itself agree"
    console.print(comparison, style="dim" if not report.differences else "red")
    console.print("\n[bold]What the company sees[/] (the vaults' logs, compared with the chain)")
    for use in report.uses:
        time = dt.datetime.fromtimestamp(use.time, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        console.print(f"  {time}  {use.user} used it, for the app {use.app}")
        console.print(f"  account {use.requester}, app {use.app_address}", style="dim")
        console.print(f"  task {use.task}, in the logs of {use.logs} vaults", style="dim")
    for finding in report.findings:
        console.print(f"  {finding}", style="yellow")
    report_parts.payments(report.payments, console)
    report_parts.checks(report.receipt_checks, report.receipt, console)
    report_parts.seconds(report.seconds, console)
    report_parts.exposure(report.exposure, console)
    report_parts.thefts("An attempted theft", report.refused, console)
    report_parts.verdict(ok=report.ok, task=report.task, console=console)
