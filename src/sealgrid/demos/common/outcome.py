"""Parts of what a story says at its end, as data: printed for people, or as one JSON object for programs."""

import msgspec

from sealgrid.units import Address


class TheftRefusal(msgspec.Struct, frozen=True):
    """A theft that was tried on the spot."""

    theft: str
    refused_by: str
    check: str  #: number of the check that refused it; empty when it succeeded
    reason: str


class CheckLine(msgspec.Struct, frozen=True):
    """One numbered check of the receipt."""

    number: str
    sentence: str
    ok: bool


class PartyPayment(msgspec.Struct, frozen=True):
    """Who was paid."""

    who: str
    account: Address
    amount: int  #: nRLC


def holds(checks: tuple[CheckLine, ...], refused: tuple[TheftRefusal, ...]) -> bool:
    """Return whether every check of the receipt held, and every theft was refused."""
    return bool(checks) and all(check.ok for check in checks) and all(refusal.check for refusal in refused)
