"""docs/reference/errors.md, as what the tests hold the real lines against."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors.md"
_ROW = re.compile(r"^\| ([^|]+?) \| `([^`]+)` \| ([0-9]) \| ([^|]+?) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """What a person reads in one situation; ``…`` in the line stands for anything."""

    situation: str
    line: str
    code: int
    money: str

    def expect(self, code: int, said: str) -> None:
        """Assert that a command ended as the page says; ``said`` is all that it wrote on its error stream."""
        pattern = ".+".join(re.escape(part) for part in self.line.split("…"))
        assert code == self.code, said
        assert "Traceback" not in said
        last = said.strip().splitlines()[-1]
        spoken = last if self.code else said
        found = re.fullmatch if self.code else re.search
        assert found(pattern, spoken), f"the page says: {self.line}\n the command: {spoken}"


TABLE = {row[0]: Row(row[0], row[1], int(row[2]), row[3]) for row in _ROW.findall(PAGE.read_text())}


def moved(before: tuple[float, float], after: tuple[float, float]) -> str:
    """Return what became of money, from (free, locked) in escrow before and after, in the page's words."""
    spent, locked = before[0] - after[0], after[1] - before[1]
    if (spent, locked) == (0, 0):
        return "none moved"
    assert spent > 0, "an error gave somebody money"
    return "held, comes back" if locked == spent else "paid"
