"""Arguments of the requester."""

import argparse
from dataclasses import dataclass
from typing import NoReturn

from .errors import ReadingsRefused
from .feed_round import RoundChoice

MAX_WINDOW = 100_000


@dataclass(frozen=True)
class WindowOptions:
    """What a run was asked for."""

    window: int | None  #: rows of a window; None for those of an hour
    round: RoundChoice  #: of a feed


class _WindowParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ReadingsRefused(f"{message}; this app takes --window ROWS, --station NAME and --start TIME.")


def parse(arguments: list[str]) -> WindowOptions:
    """Return the options; raise ReadingsRefused for other arguments."""
    parser = _WindowParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--window", type=_rows)
    parser.add_argument("--station")
    parser.add_argument("--start", type=int)
    given = parser.parse_args(arguments)
    return WindowOptions(given.window, RoundChoice(given.station, given.start))


def _rows(text: str) -> int:
    rows = int(text)
    if not 1 <= rows <= MAX_WINDOW:
        raise argparse.ArgumentTypeError(f"must be 1 to {MAX_WINDOW}")
    return rows
