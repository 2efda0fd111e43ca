"""Ends of sales, grants and policies on the command line: a date in UTC, or a duration from now."""

import datetime as dt
import re
import time
from typing import Annotated, Final

import typer

from sealgrid.errors import InputRefused

_DURATION: Final = re.compile("([1-9][0-9]{0,5})([hdwy])")
_SECONDS: Final = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600, "y": 365 * 24 * 3600}
_FORMATS: Final = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")

Until = Annotated[
    str | None,
    typer.Option(
        metavar="DATE|DURATION", help="End: a date in UTC, such as 2030-12-31, or from now: 12h, 30d, 4w, 1y."
    ),
]


def parse_end(text: str | None) -> int | None:
    """Return an end in Unix seconds, None for None; raise InputRefused for any other text."""
    if text is None:
        return None
    if found := _DURATION.fullmatch(text.strip()):
        return int(time.time()) + int(found[1]) * _SECONDS[found[2]]
    for form in _FORMATS:
        try:
            return int(dt.datetime.strptime(text.strip(), form).replace(tzinfo=dt.UTC).timestamp())
        except ValueError:
            continue
    raise InputRefused(f"{text[:40]!r} is neither a date, such as 2030-12-31, nor a duration, such as 12h, 30d or 1y.")
