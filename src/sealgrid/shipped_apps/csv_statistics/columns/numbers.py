"""Statistics of a column of numbers; each describes ten rows or more.

Windows of quantiles do not overlap, and leave ten rows or more outside: no row follows from their means and the mean
of all by subtraction. A bin is halved only where each half has ten rows or none; the outermost bins are open.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

from .column import Numbers
from .notes import MIN_ROWS

QUANTILES = (
    (2 * MIN_ROWS, (0.5,)),
    (5 * MIN_ROWS, (0.25, 0.5, 0.75)),
    (20 * MIN_ROWS, (0.05, 0.25, 0.5, 0.75, 0.95)),
)  #: published quantiles, by the number of values that they need
MAX_BINS = 16
DIGITS = 6  #: significant digits of a result
MIN_DEVIATION = 1e-12  #: of a histogram; absolute, and as a share of the mean


def describe_numbers(column: Numbers) -> dict[str, object]:
    """Return the statistics of a column with at least ``MIN_ROWS`` values."""
    values = sorted(column.values)
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return {
        "mean": rounded(mean),
        "deviation": rounded(deviation),
        "quantiles": {str(share): rounded(quantile(values, share)) for share in quantile_shares(len(values))},
        "histogram": histogram(values, mean, deviation),
    }


def quantile_shares(count: int) -> tuple[float, ...]:
    """Return the quantiles that may be published for ``count`` values."""
    return next((shares for needed, shares in reversed(QUANTILES) if count >= needed), ())


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the mean of the ``MIN_ROWS`` values around a quantile's position."""
    first = round(share * (len(ordered) - 1) - (MIN_ROWS - 1) / 2)
    first = max(0, min(first, len(ordered) - MIN_ROWS))
    return math.fsum(ordered[first : first + MIN_ROWS]) / MIN_ROWS


def histogram(
    ordered: Sequence[float], mean: float, deviation: float, *, least_step: float = 0.0
) -> list[dict[str, object]]:
    """Return bins, the lowest first: ``from`` and ``to`` (None for an open end), and ``rows``."""
    if deviation <= max(MIN_DEVIATION, MIN_DEVIATION * abs(mean)):
        return [{"from": None, "to": None, "rows": len(ordered)}]
    # The step between edges is 1, 2 or 5 times a power of ten, nearest to four deviations over all bins.
    target = 4 * deviation / MAX_BINS
    power = 10.0 ** math.floor(math.log10(target))
    step = min((power * factor for factor in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / target)))
    step = max(step, least_step)
    middle = round(mean / step)
    edges = [number * step for number in range(middle - MAX_BINS // 2 + 1, middle + MAX_BINS // 2)]
    return [
        {"from": _edge(low), "to": _edge(high), "rows": rows}
        for low, high, rows in _split(ordered, [-math.inf, *edges, math.inf])
    ]


def _split(ordered: Sequence[float], edges: list[float]) -> list[tuple[float, float, int]]:
    half = len(edges) // 2
    below_low, below_half, below_high = (bisect_left(ordered, edge) for edge in (edges[0], edges[half], edges[-1]))
    halves = (below_half - below_low, below_high - below_half)
    if len(edges) == 2 or any(0 < rows < MIN_ROWS for rows in halves):
        return [(edges[0], edges[-1], below_high - below_low)]
    return _split(ordered, edges[: half + 1]) + _split(ordered, edges[half:])


def _edge(edge: float) -> float | None:
    return rounded(edge) if math.isfinite(edge) else None


def rounded(number: float) -> float:
    """Round a number to ``DIGITS`` significant digits."""
    return float(f"{number:.{DIGITS}g}")
