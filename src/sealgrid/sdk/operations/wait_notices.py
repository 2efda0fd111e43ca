"""Notice that no machine has taken a task for some time; the buyer decides whether to buy elsewhere."""

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
    """No machine of ``pool`` is known to work on the task, ``seconds`` after its deal."""

    task: TaskId
    pool: Address
    seconds: int
    money: MoneyState

    def __str__(self) -> str:
        return waiting_sentence(self.pool, self.seconds, self.money)


OnWaiting = Callable[[WaitNotice], None]


def ignore_waiting(waiting: WaitNotice) -> None:
    """Do nothing."""


def is_waiting(stages: "tuple[StageAt, ...]") -> bool:
    """Return whether no machine has the task by its pool's stages, or the pool reports none."""
    return not stages or stages[-1].stage == "waiting"


def waiting_sentence(pool: str, seconds: int, money: MoneyState, *, commands: bool = True) -> str:
    """Return a sentence: the task waits, the buyer's options, and where the price is."""
    elsewhere = " with --pool NAME, ADDRESS or any" if commands else ""
    return (
        f"No machine of pool {pool} is known to work on this task, {seconds} s after it was bought. You can buy the "
        f"run elsewhere{elsewhere}; this purchase may still run and be paid. {sentence(money, commands=commands)}"
    )
