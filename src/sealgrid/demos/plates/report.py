"""What the demo says at its end, as data: printed for people, or as one JSON object for programs."""

from typing import Any

import msgspec

from sealgrid.demos.common.outcome import CheckLine, PartyPayment, TheftRefusal
from sealgrid.units import DealId, TaskId


class PlatesReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the demo."""

    ok: bool
    plate: str  #: what the enclave read; "no plate" when there is none
    reference: str  #: what the same model reads outside the enclave
    expected: str | None  #: what the generator drew; None for a picture of one's own
    task: TaskId
    deal: DealId
    receipt_checks: tuple[CheckLine, ...]
    payments: tuple[PartyPayment, ...]
    seconds: dict[str, float]
    refused: tuple[TheftRefusal, ...]
    annotated: str  #: path of the picture with the box drawn
    receipt: str  #: path of the receipt's file
    seen: tuple[str, ...]  #: what the machine that ran it saw

    def as_line(self) -> str:
        """Return one line of JSON."""
        return msgspec.json.encode(self).decode()


def text_of(result: Any) -> str:
    """Return the plate in a plate reader's result, or "no plate"."""
    plates = result["plates"]
    return plates[0]["text"] if plates else "no plate"
