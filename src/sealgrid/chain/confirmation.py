"""Which block of a chain counts as confirmed: what stands there is not taken back any more."""

from dataclasses import dataclass
from typing import Final, Literal

Tag = Literal["finalized", "safe"]

_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A rule of one chain."""

    which: Tag | int  #: the node's name for the block, or its depth: the head has depth 1
    oldest: int | None  #: seconds that its timestamp may lie behind our clock; None where blocks come on demand only


#: Ethereum finalises two epochs (13 minutes) behind the head; Arbitrum's ``safe`` is what stands on Ethereum.
_RULES: Final = {
    1: Confirmation("finalized", _HOUR),
    11155111: Confirmation("finalized", _HOUR),
    42161: Confirmation("safe", _HOUR),
    421614: Confirmation("safe", _HOUR),
    31337: Confirmation(1, None),
}


def confirmation_of(chain: int) -> Confirmation:
    """Return the rule of a chain, by its id; one that is not known waits for finality."""
    return _RULES.get(chain, Confirmation("finalized", _HOUR))
