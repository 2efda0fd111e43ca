"""One attack and its outcome."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from attacks.scene import Scene
from sealgrid.errors import CheckFailed, ProofRefused, SealgridError

Try = Callable[[Scene], Awaitable["Outcome"]]


@dataclass(frozen=True)
class Outcome:
    """What stopped an attack."""

    by: str  #: the part that stopped it; empty when nothing did
    check: str  #: number of its check, as docs/protocol/ counts them
    message: str  #: the sentence of the refusal, or what happened instead of harm

    @property
    def stopped(self) -> bool:
        """Return whether the attack failed."""
        return bool(self.by)


@dataclass(frozen=True)
class Attack:
    """One attack of the suite."""

    title: str
    who: str
    attempt: Try
    at_network_pool: bool = False  #: whether the network's own pool takes part, and so runs the gate where there is one


def harmless(by: str, message: str) -> Outcome:
    """Return the outcome of an attack that nobody has to refuse, since it changes nothing."""
    return Outcome(by, "", message)


async def refused(by: str, attempt: Awaitable[object], *, otherwise: str = "") -> Outcome:
    """Carry out an attempt that has to end in a refusal; ``otherwise`` names the check that has no number."""
    try:
        await attempt
    except (CheckFailed, ProofRefused) as error:
        return Outcome(by, str(error.check), error.message)
    except SealgridError as error:
        return Outcome(by, otherwise, error.message)
    return Outcome("", "", "it succeeded")
