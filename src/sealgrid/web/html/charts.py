"""Small SVG charts, rendered on the server: no script, printable, with a text alternative."""

from collections.abc import Sequence
from html import escape
from typing import Final

from markupsafe import Markup

from sealgrid.sdk.amounts import Amount
from sealgrid.web.html.templates import minute

WIDTH, HEIGHT, PAD = 320, 96, 4
DAY: Final = 24 * 3600
_GRID = f'<path class="grid" d="M0 {PAD}H{WIDTH}M0 {HEIGHT // 2}H{WIDTH}M0 {HEIGHT - PAD}H{WIDTH}"/>'


def bars(values: Sequence[int], label: str, *, top: int = 0) -> Markup:
    """Return a bar chart; ``label`` is its text alternative, ``top`` the value of a full bar, else the highest."""
    top = top or max(values, default=0) or 1
    step = (WIDTH - 2 * PAD) / max(len(values), 1)
    shapes = "".join(
        f'<rect x="{PAD + n * step:.1f}" y="{HEIGHT - PAD - _bar_height(value, top):.1f}" '
        f'width="{max(step - 2, 1):.1f}" height="{_bar_height(value, top):.1f}" rx="1"/>'
        for n, value in enumerate(values)
    )
    return _svg("bars", shapes, label)


def line(points: Sequence[tuple[float, float]], label: str, *, stairs: bool = False) -> Markup:
    """Return a line chart of (x, y) points in ascending x, from zero up; ``stairs`` draws a step function."""
    if not points:
        return _svg("line", "", label)
    left, right = points[0][0], points[-1][0]
    top, width = max(y for _, y in points) or 1.0, (right - left) or 1.0
    scaled = [
        (PAD + (x - left) / width * (WIDTH - 2 * PAD), HEIGHT - PAD - y / top * (HEIGHT - 2 * PAD)) for x, y in points
    ]
    if len(scaled) == 1:
        scaled.append((WIDTH - PAD, scaled[0][1]))
    path = f"M{scaled[0][0]:.1f} {scaled[0][1]:.1f}"
    for x, y in scaled[1:]:
        path += f"H{x:.1f}V{y:.1f}" if stairs else f"L{x:.1f} {y:.1f}"
    area = f"{path}V{HEIGHT - PAD}H{scaled[0][0]:.1f}Z"
    return _svg("line", f'<path class="area" d="{area}"/><path class="stroke" d="{path}"/>', label)


def with_axes(chart: Markup, *, y: tuple[str, str], x: tuple[str, str]) -> Markup:
    """Return a chart with text at the ends of its axes: y from below, x from the left.

    The text is hidden from screen readers: the chart's label already says it.
    """
    return Markup(
        '<div class="plot"><span class="y" aria-hidden="true"><span>{}</span><span>{}</span></span>{}'
        '<span class="x" aria-hidden="true"><span>{}</span><span>{}</span></span></div>'
    ).format(y[1], y[0], chart, *x)


def daily_bars(values: Sequence[int], label: str) -> Markup:
    """Return bars of the last days up to today, with axes."""
    return with_axes(bars(values, label), y=("0", str(max(values, default=0))), x=(f"{len(values)} days ago", "today"))


def depth_chart(offers: Sequence[tuple[int, int]]) -> Markup:
    """Draw the number of tasks on offer to everyone up to each price; offers are (price in nRLC, tasks), ascending."""
    points, tasks = [(0.0, 0.0)], 0
    for price, volume in offers:
        tasks += volume
        points.append((float(price), float(tasks)))
    label = f"{tasks:,} tasks on offer to everyone"
    if not offers:
        return with_axes(line([], label), y=("0", "0"), x=("0 RLC", str(Amount(0))))
    label += f", from {Amount(offers[0][0])} to {Amount(offers[-1][0])} each"
    end = points[-1][0] * 1.25
    chart = line([*points, (end, float(tasks))], label, stairs=True)
    return with_axes(chart, y=("0", f"{tasks:,}"), x=("0 RLC", str(Amount(int(end)))))


def price_chart(prices: Sequence[tuple[int, int]], now: float) -> Markup:
    """Draw the prices of deals up to now, (Unix seconds, price in nRLC), oldest first; empty without deals."""
    if not prices:
        return Markup("")
    paid = [price for _, price in prices]
    label = f"from {Amount(min(paid))} to {Amount(max(paid))} in the last {len(paid)} deals"
    chart = line([*prices, (max(now, prices[-1][0]), paid[-1])], label, stairs=True)
    return with_axes(chart, y=("0", str(Amount(max(paid)))), x=(minute(prices[0][0]), "now"))


def round_strip(rounds: Sequence[tuple[int, int]], window: int, most: int) -> Markup:
    """Draw the last rounds of a station, (Unix seconds, DQF) in order of time, a bar for each of ``most`` windows.

    The height of a bar is the DQF; a window without a round is empty.
    """
    if not rounds:
        return Markup("")
    newest = rounds[-1][0]
    shown = {most - 1 - (newest - start) // window: dqf for start, dqf in rounds if newest - start < most * window}
    values = [shown.get(place, 0) for place in range(most)]
    recent = [dqf for _, dqf in rounds][-most:]
    return bars(values, f"DQF of the last {len(recent)} rounds: from {min(recent)} to {max(recent)}", top=100)


def count_by_day(times: Sequence[int], now: int, days: int = 30) -> list[int]:
    """Count Unix times by day, for the last ``days`` days up to now."""
    counts = [0] * days
    for time in times:
        if 0 <= (ago := (now - time) // DAY) < days:
            counts[days - 1 - ago] += 1
    return counts


def _bar_height(value: int, top: int) -> float:
    return value / top * (HEIGHT - 2 * PAD)


def _svg(kind: str, shapes: str, label: str) -> Markup:
    text = escape(label)
    return Markup(  # noqa: S704  computed numbers and an escaped label
        f'<svg class="chart {kind}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text}" '
        f'preserveAspectRatio="none"><title>{text}</title>{_GRID}{shapes}</svg>'
    )
