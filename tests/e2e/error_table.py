"""The rows of docs/reference/errors.md, which tests compare with the lines of the commands."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors.md"
_ROW = re.compile(r"^\| ([^|]+?) \| `([^`]+)` \| ([0-9]) \| ([^|]+?) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """The line of one situation; ``…`` in it matches any text."""

    situation: str
    line: str
    code: int
    money: str

    def expect(self, code: int, stderr: str) -> None:
        """Assert that a command printed the row's line and exited with its code."""
        pattern = ".+".join(re.escape(part) for part in self.line.split("…"))
        assert code == self.code, stderr
        assert "Traceback" not in stderr
        last = stderr.strip().splitlines()[-1]
        printed = last if self.code else stderr
        matches = re.fullmatch if self.code else re.search
        assert matches(pattern, printed), f"the page says: {self.line}\n the command: {printed}"


TABLE = {row[0]: Row(row[0], row[1], int(row[2]), row[3]) for row in _ROW.findall(PAGE.read_text())}


def moved(before: tuple[float, float], after: tuple[float, float]) -> str:
    """Return the page's term for a change of (free, locked) in escrow."""
    spent, locked = before[0] - after[0], after[1] - before[1]
    if (spent, locked) == (0, 0):
        return "none moved"
    assert spent > 0, "an error added money"
    return "held, comes back" if locked == spent else "paid"
