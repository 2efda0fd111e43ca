"""Notice of a task that no machine has taken for some time; whether to buy elsewhere is the buyer's decision."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealgrid.sdk.money import MoneyState, sentence
from sealgrid.units import Address, TaskId

if TYPE_CHECKING:
    from sealgrid.wire.pool import StageAt

PATIENCE_SECONDS = 30.0  #: after the deal


@dataclass(frozen=True, slots=True)
class WaitNotice:
    """A task that was bought at ``pool`` ``seconds`` ago, and no machine is known to work on it."""

    task: TaskId
    pool: Address
    seconds: int
    money: MoneyState

    def __str__(self) -> str:
        return waiting_sentence(self.pool, self.seconds, self.money)


OnWaiting = Callable[[WaitNotice], None]


def ignore_waiting(waiting: WaitNotice) -> None:
    """Do nothing."""


def waits(stages: "tuple[StageAt, ...]") -> bool:
    """Return whether, by what its pool says, no machine has the task; a pool that says nothing has none either."""
    return not stages or stages[-1].stage == "waiting"


def waiting_sentence(pool: str, seconds: int, money: MoneyState, *, commands: bool = True) -> str:
    """Say that a task waits, which choice there is, and what becomes of the money that it holds."""
    elsewhere = " with --pool NAME, ADDRESS or any" if commands else ""
    return (
        f"No machine of pool {pool} is known to work on this task, {seconds} s after it was bought. You can buy the "
        f"run elsewhere{elsewhere}; this purchase may still run and be paid. {sentence(money, commands=commands)}"
    )
