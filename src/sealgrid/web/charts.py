"""Small charts as SVG, drawn on the server: they need no script, print well, and read out as a sentence."""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT, PAD = 320, 96, 4
DAY = 24 * 3600
GRID = f'<path class="grid" d="M0 {PAD}H{WIDTH}M0 {HEIGHT // 2}H{WIDTH}M0 {HEIGHT - PAD}H{WIDTH}"/>'


def bars(values: Sequence[int], label: str) -> Markup:
    """Return a bar chart; ``label`` is what a screen reader says."""
    top, step = max(values, default=0) or 1, (WIDTH - 2 * PAD) / max(len(values), 1)
    shapes = "".join(
        f'<rect x="{PAD + n * step:.1f}" y="{HEIGHT - PAD - _tall(value, top):.1f}" width="{max(step - 2, 1):.1f}" '
        f'height="{_tall(value, top):.1f}" rx="1"/>'
        for n, value in enumerate(values)
    )
    return _svg("bars", shapes, label)


def line(points: Sequence[tuple[float, float]], label: str, *, stairs: bool = False) -> Markup:
    """Return a line chart of (x, y) points in ascending x, from zero up; ``stairs`` keeps each value until the next."""
    if not points:
        return _svg("line", "", label)
    placed = _placed(points)
    path = f"M{placed[0][0]:.1f} {placed[0][1]:.1f}"
    for x, y in placed[1:]:
        path += f"H{x:.1f}V{y:.1f}" if stairs else f"L{x:.1f} {y:.1f}"
    base = HEIGHT - PAD
    area = f"{path}V{base}H{placed[0][0]:.1f}Z"
    return _svg("line", f'<path class="area" d="{area}"/><path class="stroke" d="{path}"/>', label)


def framed(chart: Markup, *, y: tuple[str, str], x: tuple[str, str]) -> Markup:
    """Return a chart between the words at the ends of its axes: y from below, x from the left.

    A screen reader skips them: the chart's own label says them in a sentence.
    """
    return Markup(
        '<div class="plot"><span class="y" aria-hidden="true"><span>{}</span><span>{}</span></span>{}'
        '<span class="x" aria-hidden="true"><span>{}</span><span>{}</span></span></div>'
    ).format(y[1], y[0], chart, *x)


def per_month(values: Sequence[int], label: str) -> Markup:
    """Return bars of the last days up to today, with their axes."""
    return framed(bars(values, label), y=("0", str(max(values, default=0))), x=(f"{len(values)} days ago", "today"))


def per_day(times: Sequence[int], now: int, days: int = 30) -> list[int]:
    """Count Unix times by day, the last ``days`` days up to now."""
    counts = [0] * days
    for time in times:
        if 0 <= (ago := (now - time) // DAY) < days:
            counts[days - 1 - ago] += 1
    return counts


def _placed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    left, right = points[0][0], points[-1][0]
    top, wide = max(y for _, y in points) or 1.0, (right - left) or 1.0
    placed = [
        (PAD + (x - left) / wide * (WIDTH - 2 * PAD), HEIGHT - PAD - y / top * (HEIGHT - 2 * PAD)) for x, y in points
    ]
    return placed if len(placed) > 1 else [placed[0], (WIDTH - PAD, placed[0][1])]


def _tall(value: int, top: int) -> float:
    return value / top * (HEIGHT - 2 * PAD)


def _svg(kind: str, shapes: str, label: str) -> Markup:
    said = escape(label)
    return Markup(  # noqa: S704  numbers of ours and an escaped label
        f'<svg class="chart {kind}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}" '
        f'preserveAspectRatio="none"><title>{said}</title>{GRID}{shapes}</svg>'
    )
