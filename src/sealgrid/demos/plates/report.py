"""Report of the plates demo, as data, as one line of JSON, and printed."""

from typing import Any

import msgspec
from rich.console import Console

from sealgrid.demos.common import report_parts
from sealgrid.demos.common.outcome import CheckLine, PartyPayment, TheftRefusal
from sealgrid.units import DealId, TaskId


class PlatesReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the demo."""

    ok: bool
    plate: str  #: what the enclave read, or "no plate"
    reference: str  #: what the same model reads outside an enclave
    expected: str | None  #: what was drawn; None for the user's own picture
    task: TaskId
    deal: DealId
    receipt_checks: tuple[CheckLine, ...]
    payments: tuple[PartyPayment, ...]
    seconds: dict[str, float]
    refused: tuple[TheftRefusal, ...]
    annotated: str  #: path of the picture with the box drawn
    receipt: str  #: path of the receipt's file
    exposure: tuple[str, ...]  #: what the worker's machine had

    def as_line(self) -> str:
        """Return one line of JSON."""
        return msgspec.json.encode(self).decode()


def text_of(result: Any) -> str:
    """Return the plate in a plate reader's result, or "no plate"."""
    plates = result["plates"]
    return plates[0]["text"] if plates else "no plate"


def print_plates_report(report: PlatesReport, console: Console) -> None:
    """Print the report."""
    console.print()
    console.print(f"[bold]The enclave read:[/] [bold green]{report.plate}[/]")
    console.print(f"  the same model outside it reads {report.reference}; drawn was {report.expected or 'unknown'}")
    console.print(f"  the picture with the box: {report.annotated}")
    report_parts.payments(report.payments, console)
    report_parts.checks(report.receipt_checks, report.receipt, console)
    report_parts.seconds(report.seconds, console)
    report_parts.exposure(report.exposure, console)
    report_parts.thefts("Four attempted thefts", report.refused, console)
    report_parts.verdict(ok=report.ok, task=report.task, console=console)
