"""Print the story of the plates for people."""

from rich.console import Console

from sealgrid.demos.common import printing
from sealgrid.demos.plates.report import PlatesReport


def show(report: PlatesReport, console: Console) -> None:
    """Print the outcome."""
    console.print()
    console.print(f"[bold]The enclave read:[/] [bold green]{report.plate}[/]")
    console.print(f"  the same model outside it reads {report.reference}; drawn was {report.expected or 'unknown'}")
    console.print(f"  the picture with the box: {report.annotated}")
    printing.payments(report.payments, console)
    printing.checks(report.receipt_checks, report.receipt, console)
    printing.seconds(report.seconds, console)
    printing.seen(report.seen, console)
    printing.thefts("Four thefts, tried just now", report.refused, console)
    printing.verdict(ok=report.ok, task=report.task, console=console)
