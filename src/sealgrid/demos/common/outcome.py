"""Parts of a demo's report, as data."""

import msgspec

from sealgrid.units import Address


class TheftRefusal(msgspec.Struct, frozen=True):
    """One attempted theft."""

    theft: str
    refused_by: str
    check: str  #: number of the check that refused it; empty if none did
    reason: str


class CheckLine(msgspec.Struct, frozen=True):
    """One numbered check of the receipt."""

    number: str
    sentence: str
    ok: bool


class PartyPayment(msgspec.Struct, frozen=True):
    """A payment of the run."""

    party: str
    account: Address
    amount: int  #: nRLC


def all_hold(checks: tuple[CheckLine, ...], refused: tuple[TheftRefusal, ...]) -> bool:
    """Return whether every check of the receipt holds and every theft was refused."""
    return bool(checks) and all(check.ok for check in checks) and all(refusal.check for refusal in refused)
