"""Notes on cells that were left out or read in another way than as written.

The owner sees every count and example. The result of a run counts no fewer than ten cells, nor all cells but fewer than
ten, and its examples are texts of ten cells or more.
"""

from collections import Counter
from dataclasses import dataclass, field

MIN_ROWS = 10  #: that each number of a result describes
MAX_EXAMPLES = 3
_MAX_DISTINCT = 200  #: different cells that are counted one by one
_MAX_SHOWN = 40  #: characters of an example


@dataclass
class Note:
    """One sentence about cells of a column; ``cells`` is 0 for a note on the column itself."""

    what: str
    cells: int = 0
    spellings: Counter[str] = field(default_factory=Counter)
    hidden_if_few: bool = False  #: whether only the owner sees it, where it counts fewer than ten cells

    def add(self, cell: str) -> None:
        """Count one cell."""
        self.cells += 1
        if cell and (cell in self.spellings or len(self.spellings) < _MAX_DISTINCT):
            self.spellings[cell] += 1

    def public(self, rows: int) -> dict[str, object]:
        """Return the note as a result has it, for a table of ``rows`` rows; empty for one that no result has."""
        if not self.cells:
            return {"what": self.what}
        if self.hidden_if_few and self.cells < MIN_ROWS:
            return {}
        countable = self.cells >= MIN_ROWS and (self.cells == rows or rows - self.cells >= MIN_ROWS)
        frequent = [text for text, count in self.spellings.most_common(MAX_EXAMPLES) if count >= MIN_ROWS]
        note: dict[str, object] = {"what": self.what, "cells": self.cells if countable else None}
        return note | ({"examples": [shortened(text) for text in frequent]} if frequent else {})

    def private(self) -> str:
        """Return the note for the owner, with examples of its cells."""
        if not self.cells:
            return self.what
        count = f"{self.cells} cell{'s' if self.cells > 1 else ''}"
        examples = ", ".join(repr(shortened(text)) for text, _ in self.spellings.most_common(MAX_EXAMPLES))
        return f"{self.what}: {count}" + (f" ({examples})" if examples else "")


def shortened(text: str) -> str:
    """Return a text on one line, of at most 40 characters."""
    line = " ".join(text.split())
    line = "".join(character if character.isprintable() else "�" for character in line)
    return line if len(line) <= _MAX_SHOWN else line[: _MAX_SHOWN - 1] + "…"
