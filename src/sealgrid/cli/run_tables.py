"""Options and lines that lists of runs and of earnings share: conditions, sums, bar charts."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.output import print_result
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.sdk.operations.latest_runs import LatestRuns
    from sealgrid.sdk.operations.run_sums import PricedRun, RunFilter, RunSum

BAR_WIDTH = 40  #: characters of the longest bar


class SumsBy(Enum):
    """How runs are added up; a test compares them with the SDK's."""

    APP = "app"
    MODEL = "model"
    BUYER = "buyer"
    MONTH = "month"
    STATE = "state"


By = Annotated[
    SumsBy | None, typer.Option("--by", metavar="FIELD", help="Print sums: by app, model, buyer, month or state.")
]
Tasks = Annotated[
    int, typer.Option("--tasks", min=1, max=200, metavar="NUMBER", help="Number of tasks to read, the newest first.")
]
WithRuns = Annotated[
    bool, typer.Option("--runs", help="Also show how the latest 20 runs of each ended, and how long answers took.")
]
Chart = Annotated[bool, typer.Option("--chart", help="Draw the sums as bars; without --by, those by month.")]
OfApp = Annotated[str, typer.Option("--app", metavar="APP", help="Only runs of this app; name or address.")]
OfModel = Annotated[
    str, typer.Option("--model", metavar="MODEL", help="Only runs on this model or data; name or address.")
]
OfBuyer = Annotated[str, typer.Option("--buyer", metavar="ADDRESS", help="Only runs that this account bought.")]
OfMonth = Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="Only runs bought in this month, in UTC.")]
OfState = Annotated[
    str,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only runs in this state: answered, app-failed, model-unopened, refused, paid (receipt not verified), "
        "waiting, running, refundable, refunded or unknown.",
    ),
]


def run_filter(app: str, model: str, buyer: str, month: str, state: str) -> "RunFilter":
    """Return the conditions of the options; raise InputRefused for a month or a state that does not exist."""
    from typing import get_args

    from sealgrid.receipts.run_record import PaidState
    from sealgrid.sdk.operations.run_states import OtherState
    from sealgrid.sdk.operations.run_sums import RunFilter

    if month:
        try:
            month = datetime.strptime(month, "%Y-%m").strftime("%Y-%m")  # noqa: DTZ007  a month has no time zone
        except ValueError as error:
            raise InputRefused(f"{month!r} is not a month; write it as 2026-11.", money="") from error
    states = (*get_args(PaidState), *get_args(OtherState))
    if state and state not in states:
        raise InputRefused(f"{state!r} is not a state of a run; it is one of: {', '.join(states)}.", money="")
    return RunFilter(app, model, buyer, month, state)


def sum_lines(found: "Sequence[RunSum]") -> Iterator[str]:
    """Yield a line for each sum."""
    for each in found:
        yield f"{each.amount!s:>14}  {_count(each):>10}  {' '.join(filter(None, (each.key, each.name))) or 'no model'}"


def bar_lines(found: "Sequence[RunSum]") -> Iterator[str]:
    """Yield a bar for each sum, as long as its share of the largest amount."""
    top = max((each.amount for each in found), default=0) or 1
    width = max((len(_label(each)) for each in found), default=0)
    for each in found:
        bar = "█" * max(each.amount * BAR_WIDTH // top, 1 if each.amount else 0)
        yield f"{_label(each):<{width}}  {bar}{' ' if bar else ''}{each.amount} ({_count(each)})"


def _label(each: "RunSum") -> str:
    return each.name or each.key or "no model"


def _count(each: "RunSum") -> str:
    return f"{each.runs} run{'s' if each.runs != 1 else ''}"


def print_sums(
    runs: "Sequence[PricedRun]", by: SumsBy, *, as_csv: bool = False, as_json: bool = False, chart: bool = False
) -> None:
    """Print the sums of runs as CSV, as JSON, as bars or as lines."""
    from sealgrid.sdk.operations.run_sums import sums

    found = sums(runs, by.value)
    if as_csv:
        print_rows(("key", "name", "runs", "amount"), found)
        return
    in_order = found[::-1] if by is SumsBy.MONTH else found  # time goes downwards
    print_result(found, bar_lines(in_order) if chart else sum_lines(found), as_json=as_json)


def print_rows(columns: Sequence[str], rows: Sequence[object]) -> None:
    """Print attributes of rows as CSV."""
    from sealgrid.cli.csv_output import print_csv

    print_csv(columns, ([getattr(row, name) for name in columns] for row in rows))


def run_summary(found: "LatestRuns") -> str:
    """Return in one line how the latest runs ended, and the median durations of answers."""
    record = found.record
    judged = record.answers + record.failures
    parts = (
        [f"{record.answers} of {judged} answered ({record.answer_rate:.0%})"] if record.answer_rate is not None else []
    )
    for count, what in (
        (record.failures, "failed"),
        (record.refusals, "refused"),
        (record.proofs, "by a model's owner to prove that it opens"),
        (record.unverified, "without a receipt that can be verified"),
        (record.refunded, "refunded"),
        (record.open, "not ended"),
    ):
        if count:
            parts.append(f"{count} {what}")
    for times, what in ((record.warm, "median"), (record.cold, "first run on a machine")):
        if times.median is not None:
            parts.append(f"{what} {times.median:g} s")
    if not parts:
        return "no runs"
    return f"latest {found.tasks} runs: {', '.join(parts)}"


def latest_run_lines(found: "LatestRuns") -> Iterator[str]:
    """Yield how the latest tasks of an app, model or pool ended, and how long answers took."""
    record = found.record
    yield f"{'tasks':<12} {found.tasks}{'' if found.is_complete else ', and older ones'}"
    for count, what in (
        (record.answers, "answers, by verified receipts"),
        (record.failures, "the app failed, or the model's file did not open"),
        (record.refusals, "refused by the vaults, and paid"),
        (record.proofs, "runs without input by a model's owner, which prove that the model opens"),
        (record.unverified, "paid, without a receipt that can be verified"),
        (record.refunded, "no result, and unpaid: machines failed, or the vaults refused unpaid"),
        (record.open, "not ended"),
    ):
        if count:
            yield f"{'':<12} {count:>6}  {what}"
    for name, times in (("first run", record.cold), ("later runs", record.warm)):
        basis = f"{times.median:g} s on a machine, the median of {times.count}" if times.count else "unknown"
        yield f"{name:<12} {basis}"
