"""Where the price of a task is, by the state of the task on the chain, and all sentences about it.

Modules below this one raise errors without a sentence about money (checked by ``tests/meta``).
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
    "unmatched",  #: there is no deal, and the signed orders cannot make one
    "unknown",  #: the deal was sent; the chain did not answer or has no such deal yet
    "locked",  #: the price is in escrow, and a machine may still finish the task
    "refundable",  #: the price is in escrow, and the final deadline has passed
    "paid",
    "refunded",
]


@dataclass(frozen=True, slots=True)
class MoneyState:
    """The location of one task's price."""

    kind: Kind
    task: TaskId | None = None  #: None when unmatched
    until: int = 0  #: the task's final deadline, Unix seconds; 0 when unmatched or unknown
    sponsor: Address | None = None  #: the account whose escrow pays, if not the requester's


UNMATCHED: Final = MoneyState("unmatched")


def money_of(task: TaskId, deal: DealView, status: TaskStatus, timeref: int, now: int) -> MoneyState:
    """Return where a task's price is; ``timeref`` is its category's and ``now`` the chain's time, in seconds."""
    sponsor = None if deal.sponsor == deal.requester else deal.sponsor
    until = deal.start_time + FINAL_DEADLINE_RATIO * timeref
    if status is TaskStatus.COMPLETED:
        return MoneyState("paid", task, until, sponsor)
    if status is TaskStatus.FAILED:
        return MoneyState("refunded", task, until, sponsor)
    return MoneyState("refundable" if now >= until else "locked", task, until, sponsor)


def sentence(money: MoneyState, *, commands: bool = True) -> str:
    """Return one sentence that says where the price is; ``commands`` adds the command to continue with."""
    where = f" in the escrow of its sponsor {money.sponsor}" if money.sponsor else ""
    claim = f" (the pool claims it, or you: sealgrid task claim {money.task})" if commands else ""
    match money.kind:
        case "unmatched":
            return "No money moved."
        case "unknown":
            check = f"; check it with: sealgrid task show {money.task}" if commands else "."
            return f"The chain did not say whether the run was bought{check}"
        case "locked":
            return (
                f"The price is locked{where} until {format_time(money.until)}: it is paid if a machine finishes the "
                f"task by then; if none does, it comes back{claim}."
            )
        case "refundable":
            return f"The price is locked{where} and was not paid; the final deadline has passed: it comes back{claim}."
        case "paid":
            result = f"; open its result later with: sealgrid task result {money.task}" if commands else "."
            return f"The run was paid{result}"
        case "refunded":
            who = f"The sponsor {money.sponsor}" if money.sponsor else "The requester"
            return f"{who} was refunded."


def format_time(seconds: int) -> str:
    """Format a chain timestamp."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def attach(error: SealgridError, money: MoneyState) -> None:
    """Add the sentence about the price to an error that has none."""
    error.money = error.money or sentence(money)


def say_bought_before(error: SealgridError, shards: int) -> None:
    """State in an error about a later part of a purchase that an earlier one was bought, beside its own statement."""
    error.money = f"{shards} shards were bought before; the same purchase with its key continues after them."


@contextmanager
def nothing_bought_before(bought: Sequence[object]) -> Iterator[None]:
    """State in errors that no money moved, while ``bought`` is empty."""
    try:
        yield
    except SealgridError as error:
        if not bought:
            attach(error, UNMATCHED)
        raise
