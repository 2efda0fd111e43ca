"""How the tasks of an app, a model or a pool ended, and how long they took."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from sealgrid.receipts.receipt import ExitClass

#: what a verified receipt says about a paid task, as it is counted
CountedEnd = Literal["answers", "failures", "refusals", "proofs"]
_COUNTED_AS: Final[dict[ExitClass, CountedEnd]] = {
    "ok": "answers",
    "app-failed": "failures",
    "unopened": "failures",
    "refused": "refusals",
}

#: a paid task as people read it; "paid" without a verified receipt
PaidState = Literal["answered", "app-failed", "model-unopened", "refused", "paid"]
PAID_STATES: Final[dict[ExitClass | None, PaidState]] = {
    "ok": "answered",
    "app-failed": "app-failed",
    "unopened": "model-unopened",
    "refused": "refused",
    None: "paid",
}


def counted_as(exit_class: ExitClass, *, proof: bool) -> CountedEnd:
    """Return how a paid task counts. A proof has no input, so its app's failure is no failure of the app or model."""
    return "proofs" if proof and exit_class == "app-failed" else _COUNTED_AS[exit_class]


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Durations of answers from the deal to the payment, by the chain's clock."""

    count: int = 0
    median: float | None = None  #: seconds; None without an answer

    @classmethod
    def of(cls, seconds: Iterable[int]) -> "RunTimes":
        """Return the median of durations."""
        durations = list(seconds)
        return cls(len(durations), statistics.median(durations) if durations else None)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Counts of the tasks of an app, a model or a pool, by how they ended.

    The first four are of verified receipts: an index counts a paid task as unverified until the checks of its receipt
    held. PoCo does not tell why a task was refunded: a failure of machines, or a refusal that is not settled.
    """

    answers: int = 0
    failures: int = 0  #: the app failed, or the model's file did not open
    refusals: int = 0  #: the vaults refused the deal, and the requester paid
    proofs: int = 0  #: the app ended without an answer in a model owner's run without input, which proves the key
    unverified: int = 0  #: paid, without a verified receipt so far
    refunded: int = 0  #: ended without a result, and unpaid
    open: int = 0  #: waiting or running
    cold: RunTimes = RunTimes()  #: of the first run of an app and model on a worker
    warm: RunTimes = RunTimes()  #: of later ones

    @property
    def paid(self) -> int:
        """Return the number of tasks that were paid."""
        return self.answers + self.failures + self.refusals + self.proofs + self.unverified

    @property
    def ended(self) -> int:
        """Return the number of tasks that ended."""
        return self.paid + self.refunded

    @property
    def answer_rate(self) -> float | None:
        """Return the share of answers among answers and failures, of an app or model; None before the first."""
        return _share(self.answers, self.answers + self.failures)

    @property
    def completion_rate(self) -> float | None:
        """Return the share of ended tasks that machines completed, of a pool, however the app ended; None before."""
        return _share(self.paid, self.ended)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
