"""Renders the page of attacks from a run."""

import re
from collections.abc import Sequence
from pathlib import Path

from attacks.attack import Attack, Outcome

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "attacks.md"

_HEAD = """# Attacks, and what stops them

`make attack` starts a local network, lets its parts lie, and writes this page from what happened; `make test` tries the
same attacks and compares. Numbers are those of [release](../protocol/release.md) (1 to 7, settle, open),
[broker](../protocol/broker.md) and [evidence](../protocol/evidence.md), as the refusals name them.
Each run begins with a job in which nobody lies, so that a refusal means something.

| attack | who | stopped by | check | message |
|---|---|---|---|---|
"""


def page(tried: Sequence[tuple[Attack, Outcome]]) -> str:
    """Return the page; what differs from run to run (addresses, digests) is left out."""
    return _HEAD + "".join(_row(attack, outcome) for attack, outcome in tried)


def _row(attack: Attack, outcome: Outcome) -> str:
    by = outcome.by or "**nothing**"
    message = re.sub(r"0x[0-9a-f]{8,}", "0x…", outcome.message).replace("|", "\\|")
    message = re.sub(r"http://[0-9.]+:[0-9]+", "http://…", message)
    return f"| {attack.title} | {attack.who} | {by} | {outcome.check or '-'} | {message} |\n"
