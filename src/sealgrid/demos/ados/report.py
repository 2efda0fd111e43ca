"""Report of the sensor data demo, as data, as one line of JSON, and printed."""

import datetime as dt

import msgspec
from rich.console import Console

from sealgrid.demos.common import report_parts
from sealgrid.units import Address, TaskId


class StationRound(msgspec.Struct, frozen=True):
    """The round of one station on the feed."""

    sensor: str
    station: Address
    start: int  #: Unix seconds
    end: int
    dqf: int
    reason: str
    task: TaskId


class AdosReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the demo."""

    ok: bool
    stations: int
    readings: int  #: slots of all stations
    faulty: int  #: readings with an injected fault
    found: int  #: of these, with a DQF of 50 or less
    false_alarms: int  #: other readings with such a DQF
    found_by_fault: dict[str, tuple[int, int]]  #: found, injected
    shard_tasks: tuple[TaskId, ...]
    workers: tuple[Address, ...]  #: that computed the shards
    merged_equals_whole: bool  #: the merged files have the bytes of those computed here in one piece
    receipts_hold: int  #: receipts of which all checks hold
    receipts: int
    feed: Address
    rounds: tuple[StationRound, ...]
    seconds: dict[str, float]
    scores: str  #: folder of result.json, dqf.csv and reasons.csv
    picture: str  #: path
    page: str  #: path

    def as_line(self) -> str:
        """Return one line of JSON."""
        return msgspec.json.encode(self).decode()


def print_ados_report(report: AdosReport, console: Console) -> None:
    """Print the report."""
    console.print(f"\n[bold]What the requester learned[/] ({report.scores})")
    console.print(f"  {report.found} of {report.faulty} faulty readings have a DQF of 50 or less", end="")
    console.print(f"; {report.false_alarms} of {report.readings - report.faulty} others have")
    for fault, (found, injected) in sorted(report.found_by_fault.items()):
        console.print(f"  {fault:<11} {found:>4} of {injected}", style="dim")
    same = "the bytes of one run on the whole day" if report.merged_equals_whole else "[red]OTHER BYTES[/]"
    workers = len(report.workers)
    console.print(f"  {len(report.shard_tasks)} shards on {workers} workers, merged: {same}")
    console.print(f"\n[bold]What everyone reads on the chain[/] (feed {report.feed})")
    for each in report.rounds:
        start = dt.datetime.fromtimestamp(each.start, dt.UTC).strftime("%H:%M")
        end = dt.datetime.fromtimestamp(each.end, dt.UTC).strftime("%H:%M")
        console.print(f"  {each.sensor}  {start} to {end}  DQF {each.dqf:>3}  {each.reason}")
    console.print(f"\n{report.receipts_hold} of {report.receipts} receipts hold, every check of each")
    report_parts.seconds(report.seconds, console)
    console.print(f"\nthe picture: {report.picture}\nthe page:    {report.page}", markup=False)
    report_parts.verdict(ok=report.ok, task=report.shard_tasks[0], console=console)
