"""What the story says at its end, as data: printed for people, or as one JSON object for programs."""

from typing import Any

import msgspec

from sealgrid.demos.common.outcome import CheckLine, PartyPayment, TheftRefusal
from sealgrid.units import Address, DealId, TaskId


class TableUse(msgspec.Struct, frozen=True):
    """One use of the table, as the company sees it."""

    who: str
    requester: Address
    when: int  #: Unix seconds
    app: str  #: its public name; what counts is the address
    app_address: Address
    task: TaskId
    logs: int  #: vaults that logged it


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the demo."""

    ok: bool
    result: dict[str, Any]  #: what the buyer got: the app's result.json
    overview: str  #: the same for people: the app's overview.txt
    differences: tuple[str, ...]  #: where the company's own sums say otherwise
    dataset: Address
    task: TaskId
    deal: DealId
    receipt_checks: tuple[CheckLine, ...]
    payments: tuple[PartyPayment, ...]
    uses: tuple[TableUse, ...]
    findings: tuple[str, ...]  #: places where logs, witnesses and chain do not agree
    seconds: dict[str, float]
    refused: tuple[TheftRefusal, ...]
    statistics: str  #: path of the result's file
    receipt: str  #: path of the receipt's file
    seen: tuple[str, ...]  #: what the machine that ran it saw

    def as_line(self) -> str:
        """Return one line of JSON."""
        return msgspec.json.encode(self).decode()
