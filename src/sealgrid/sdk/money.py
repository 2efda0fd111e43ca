"""What became of the money of a run, from the state of its task: the only sentences about it that anybody reads.

An error that is raised below this module knows no task, so it says nothing about money (``tests/meta`` keeps that).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sealgrid.chain.views import DealView, TaskStatus
from sealgrid.errors import SealgridError
from sealgrid.poco.constants import FINAL_DEADLINE_RATIO
from sealgrid.units import Address, TaskId

Kind = Literal[
    "unmatched",  #: there is no deal, and none comes of what was signed
    "unknown",  #: the deal was sent; the chain did not answer, or has no such deal yet
    "locked",  #: the price is in escrow, and a machine may still finish the task
    "refundable",  #: the price is in escrow, and the final deadline has passed
    "paid",
    "refunded",
]


@dataclass(frozen=True, slots=True)
class MoneyState:
    """Where the price of one task is."""

    kind: Kind
    task: TaskId | None = None  #: None when unmatched
    until: int = 0  #: the task's final deadline, Unix seconds; 0 when unmatched or unknown
    sponsor: Address | None = None  #: whose escrow it is, where that is not the requester


UNMATCHED: Final = MoneyState("unmatched")


def money_of(task: TaskId, deal: DealView, status: TaskStatus, timeref: int, now: int) -> MoneyState:
    """Return where a task's price is; ``timeref`` is its category's, ``now`` the chain's time, both in seconds."""
    sponsor = None if deal.sponsor == deal.requester else deal.sponsor
    until = deal.start_time + FINAL_DEADLINE_RATIO * timeref
    if status is TaskStatus.COMPLETED:
        return MoneyState("paid", task, until, sponsor)
    if status is TaskStatus.FAILED:
        return MoneyState("refunded", task, until, sponsor)
    return MoneyState("refundable" if now >= until else "locked", task, until, sponsor)


def sentence(money: MoneyState, *, commands: bool = True) -> str:
    """Say where the price is; ``commands`` adds the command line that goes on from there."""
    where = f" in the escrow of its sponsor {money.sponsor}" if money.sponsor else ""
    claim = f" (the pool claims it, or you: sealgrid task claim {money.task})" if commands else ""
    match money.kind:
        case "unmatched":
            return "No money moved."
        case "unknown":
            ask = f"; ask it with: sealgrid task show {money.task}" if commands else "."
            return f"The chain did not say whether the run was bought{ask}"
        case "locked":
            return (
                f"The price is locked{where} until {moment(money.until)}: it is paid if a machine finishes the task by "
                f"then; if none does, it comes back{claim}."
            )
        case "refundable":
            return f"The price is locked{where} and was not paid; the final deadline has passed: it comes back{claim}."
        case "paid":
            result = f"; open its result later with: sealgrid task result {money.task}" if commands else "."
            return f"The run was paid{result}"
        case "refunded":
            who = f"The sponsor {money.sponsor}" if money.sponsor else "The requester"
            return f"{who} was refunded."


def moment(seconds: int) -> str:
    """Return a time of the chain as people read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def attach(error: SealgridError, money: MoneyState) -> None:
    """Have an error say where the price is, unless it says so already."""
    error.money = error.money or sentence(money)


@contextmanager
def nothing_bought_before(bought: Sequence[object]) -> Iterator[None]:
    """Have errors say that no money moved, as long as ``bought`` is empty."""
    try:
        yield
    except SealgridError as error:
        if not bought:
            attach(error, UNMATCHED)
        raise
