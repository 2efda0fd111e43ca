"""The figures as one table of text, and the raw samples as JSON."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.figure import Figure, Row
from bench.machine import Machine

HEADINGS = ("figure", "value", "unit", "n", "", "target", "met", "same-run calibration")
_RIGHT = {1, 3}


class Raw(msgspec.Struct, frozen=True):
    """Everything that was measured in one run."""

    machine: Machine
    started: str
    quick: bool
    figures: tuple[Figure, ...]


def lines(figures: Sequence[Figure]) -> list[str]:
    """Return the table."""
    cells = [HEADINGS, *(_cells(figure, row) for figure in figures for row in figure.rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    printed = ["  ".join(_aligned(row, widths)).rstrip() for row in cells]
    printed.insert(1, "  ".join("─" * width for width in widths))
    return [*printed, *(f"{figure.name}: {figure.note}" for figure in figures if figure.note)]


def write(raw: Raw, path: Path) -> None:
    """Keep every sample."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(raw)) + b"\n")


def _cells(figure: Figure, row: Row) -> tuple[str, ...]:
    value = _number(row.value) if row.samples else "none"
    target = f"{row.target.sign} {row.target.limit:g}" if row.target else ""
    met = ("yes" if row.target.met(row.value) else "NO") if row.target and row.samples else ""
    label = f"{figure.name}: {row.label}, {row.shown}"
    return label, value, row.unit, str(len(row.samples)), row.temperature, target, met, row.calibration


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column in _RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
