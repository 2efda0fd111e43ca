"""What the demo says at its end, as data: printed for people, or as one JSON object for programs."""

from typing import Any

import msgspec

from sealgrid.units import Address, DealId, TaskId


class Refusal(msgspec.Struct, frozen=True):
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


class Paid(msgspec.Struct, frozen=True):
    """Who was paid."""

    who: str
    account: Address
    amount: int  #: nRLC


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the demo."""

    ok: bool
    plate: str  #: what the enclave read; "no plate" when there is none
    reference: str  #: what the same model reads outside the enclave
    expected: str | None  #: what the generator drew; None for a picture of one's own
    task: TaskId
    deal: DealId
    receipt_checks: tuple[CheckLine, ...]
    payments: tuple[Paid, ...]
    seconds: dict[str, float]
    refused: tuple[Refusal, ...]
    annotated: str  #: path of the picture with the box drawn
    receipt: str  #: path of the receipt's file
    seen: tuple[str, ...]  #: what the machine that ran it saw

    def as_line(self) -> str:
        """Return one line of JSON."""
        return msgspec.json.encode(self).decode()


def holds(*, plate: str, reference: str, checks: tuple[CheckLine, ...], refused: tuple[Refusal, ...]) -> bool:
    """Return whether the demo showed what it claims: same plate, every check, every theft refused."""
    return plate == reference and bool(checks) and all(c.ok for c in checks) and all(r.check for r in refused)


def text_of(result: Any) -> str:
    """Return the plate in a plate reader's result, or "no plate"."""
    plates = result["plates"]
    return plates[0]["text"] if plates else "no plate"
