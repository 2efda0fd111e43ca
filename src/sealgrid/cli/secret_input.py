"""A secret comes from a file or from standard input: arguments stand in the list of processes for everybody to read."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sealgrid.errors import InputRefused

MOST_BYTES = 64 << 10


def read_secret(file: Path) -> str:
    """Return the text of a file, or of standard input for ``-``, without the line end behind it."""
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(MOST_BYTES + 2)
        else:
            with file.open("rb") as opened:
                content = opened.read(MOST_BYTES + 2)
        text = content.decode()
    except OSError as error:
        raise InputRefused(f"the secret {file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputRefused(f"the secret {file} is no UTF-8 text.") from error
    return text.removesuffix("\n").removesuffix("\r")


def numbered_secrets(written: Sequence[str]) -> dict[int, str]:
    """Return the secrets that were written as NUMBER=FILE; raise InputRefused for anything else."""
    found: dict[int, str] = {}
    for each in written:
        number, _, file = each.partition("=")
        if not (number.isascii() and number.isdecimal()) or not file or int(number) in found:
            raise InputRefused(f"{each!r} is no secret; write NUMBER=FILE, each number once, as in 1=token.txt.")
        found[int(number)] = read_secret(Path(file))
    return found
