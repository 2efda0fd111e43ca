"""Statistics of a column of numbers; each describes ten rows or more.

Windows of a quantile do not overlap, and leave ten rows or more outside: their means and the mean of all then give no
row away by subtraction. A bin is halved only where each half holds ten rows or none; the outermost are open.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

from .table import LEAST, Numbers

QUANTILES = (
    (2 * LEAST, (0.5,)),
    (5 * LEAST, (0.25, 0.5, 0.75)),
    (20 * LEAST, (0.05, 0.25, 0.5, 0.75, 0.95)),
)  #: from how many values on which are told
BINS = 16  #: at most
DIGITS = 6  #: significant ones
SMALLEST = 1e-12  #: deviation, in itself and beside the mean, that is worth a histogram


def describe_numbers(column: Numbers) -> dict[str, object]:
    """Return what a result tells of a column with at least ``LEAST`` values."""
    values = sorted(column.values)
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return {
        "mean": rounded(mean),
        "deviation": rounded(deviation),
        "quantiles": {str(share): rounded(quantile(values, share)) for share in told_quantiles(len(values))},
        "histogram": histogram(values, mean, deviation),
    }


def told_quantiles(count: int) -> tuple[float, ...]:
    """Return which quantiles of so many values are told."""
    return next((shares for enough, shares in reversed(QUANTILES) if count >= enough), ())


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the mean of the ``LEAST`` values around a quantile's place."""
    first = round(share * (len(ordered) - 1) - (LEAST - 1) / 2)
    first = max(0, min(first, len(ordered) - LEAST))
    return math.fsum(ordered[first : first + LEAST]) / LEAST


def histogram(ordered: Sequence[float], mean: float, deviation: float) -> list[dict[str, object]]:
    """Return bins, the lowest first: ``from`` (or below everything), ``to`` (or above everything), ``rows``."""
    if deviation <= max(SMALLEST, SMALLEST * abs(mean)):
        return [{"from": None, "to": None, "rows": len(ordered)}]
    step = _step(4 * deviation / BINS)
    middle = round(mean / step)
    edges = [number * step for number in range(middle - BINS // 2 + 1, middle + BINS // 2)]
    return [
        {"from": _edge(low), "to": _edge(high), "rows": rows}
        for low, high, rows in _split(ordered, [-math.inf, *edges, math.inf])
    ]


def _split(ordered: Sequence[float], edges: list[float]) -> list[tuple[float, float, int]]:
    low, high = edges[0], edges[-1]
    rows = _below(ordered, high) - _below(ordered, low)
    half = len(edges) // 2
    first = _below(ordered, edges[half]) - _below(ordered, low)
    if len(edges) == 2 or any(0 < half_rows < LEAST for half_rows in (first, rows - first)):
        return [(low, high, rows)]
    return _split(ordered, edges[: half + 1]) + _split(ordered, edges[half:])


def _below(ordered: Sequence[float], edge: float) -> int:
    return bisect_left(ordered, edge)


def _step(wanted: float) -> float:
    """Return 1, 2 or 5 times a power of ten, near what is wanted."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return min((power * lead for lead in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / wanted)))


def _edge(edge: float) -> float | None:
    return rounded(edge) if math.isfinite(edge) else None


def rounded(number: float) -> float:
    """Return a number with the digits that are told."""
    return float(f"{number:.{DIGITS}g}")
