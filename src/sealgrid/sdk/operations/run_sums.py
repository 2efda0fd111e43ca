"""Selects priced runs, and adds them up by app, model, buyer, month or state."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeVar

from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.operations.run_states import RunState
from sealgrid.units import Address

SumBy = Literal["app", "model", "buyer", "month", "state"]


class PricedRun(Protocol):
    """A run with the amount that was paid or earned for it."""

    @property
    def app(self) -> Address:
        """Return the app."""

    @property
    def app_name(self) -> str:
        """Return its name."""

    @property
    def model(self) -> Address | None:
        """Return the model."""

    @property
    def model_name(self) -> str:
        """Return its name, empty without a model."""

    @property
    def requester(self) -> Address:
        """Return the buyer."""

    @property
    def time(self) -> int:
        """Return Unix seconds of the purchase."""

    @property
    def state(self) -> RunState:
        """Return the state."""

    @property
    def amount(self) -> Amount:
        """Return the amount."""


P = TypeVar("P", bound=PricedRun)


@dataclass(frozen=True, slots=True)
class RunSum:
    """The runs of one app, model, buyer, month or state together."""

    key: str  #: an address, a month in UTC as "2026-11", or a state; empty for runs without a model
    name: str  #: of the app or model, else empty
    runs: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Conditions on runs; an empty text selects all. Apps and models are named or given by address."""

    app: str = ""
    model: str = ""
    buyer: str = ""
    month: str = ""  #: as "2026-11", in UTC
    state: str = ""

    def select(self, runs: Iterable[P]) -> tuple[P, ...]:
        """Return the runs that meet all conditions."""
        return tuple(each for each in runs if self._includes(each))

    def _includes(self, run: PricedRun) -> bool:
        return (
            _is_named(self.app, run.app, run.app_name)
            and _is_named(self.model, run.model or "", run.model_name)
            and _is_named(self.buyer, run.requester, "")
            and self.month in {"", month_of(run.time)}
            and self.state in {"", run.state}
        )


def month_of(time: int) -> str:
    """Return the month of a time, in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m")


def sums(runs: Iterable[PricedRun], by: SumBy) -> tuple[RunSum, ...]:
    """Return the sums by month, the newest first, or by another kind, the largest first.

    A refunded run counts as a run, and cost nothing.
    """
    groups: dict[tuple[str, str], list[Amount]] = defaultdict(list)
    for run in runs:
        groups[_key(run, by)].append(Amount(0) if run.state == "refunded" else run.amount)
    found = [RunSum(key, name, len(amounts), Amount(sum(amounts))) for (key, name), amounts in groups.items()]
    if by == "month":
        return tuple(sorted(found, key=lambda each: each.key, reverse=True))
    return tuple(sorted(found, key=lambda each: (-each.amount, each.key)))


def _is_named(wanted: str, address: str, name: str) -> bool:
    return not wanted or wanted.lower() == address or wanted == name


def _key(run: PricedRun, by: SumBy) -> tuple[str, str]:
    if by == "app":
        return run.app, run.app_name
    if by == "model":
        return run.model or "", run.model_name
    if by == "buyer":
        return run.requester, ""
    return (month_of(run.time) if by == "month" else run.state), ""
