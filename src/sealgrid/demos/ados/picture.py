"""Draws a scored day: a row for each station with its readings, its DQF as a heat map, its faults and its round."""

import io
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sealgrid.demos.ados.day import ScoredDay

INK, SOFT, PAPER, GRID, LINE, FAULT = "#14201f", "#55645f", "#ffffff", "#e3e9e6", "#0f766e", "#4338ca"
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1600, 150, 330, 150, 70
ROW, CURVE, STRIP, MARK = 56, 30, 14, 4  #: heights of a station's row and of its parts, pixels
_SCALE = ((0, (153, 27, 27)), (50, (245, 158, 11)), (100, (226, 242, 234)))  #: colours of DQFs
_HOURS = 3  #: between two marks of the time axis


def draw_day(day: ScoredDay) -> bytes:
    """Return a PNG file."""
    stations = len(day.frame.sensors)
    image = Image.new("RGB", (WIDTH, TOP + ROW * stations + BOTTOM), PAPER)
    draw = ImageDraw.Draw(image)
    _draw_head(draw, day)
    _draw_axis(draw, day)
    for number in range(stations):
        _draw_station(draw, day, number, TOP + ROW * number)
    png = io.BytesIO()
    image.save(png, "PNG", optimize=True)
    return png.getvalue()


def heat(dqf: int) -> tuple[int, int, int]:
    """Return the colour of a DQF."""
    (low, dark), (high, light) = next(pair for pair in itertools.pairwise(_SCALE) if dqf <= pair[1][0])
    share = (dqf - low) / (high - low)
    red, green, blue = (round(one + (other - one) * share) for one, other in zip(dark, light, strict=True))
    return red, green, blue


def runs(flags: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the first row and the row after the last of each stretch of true flags."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    yield from zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _draw_head(draw: ImageDraw.ImageDraw, day: ScoredDay) -> None:
    frame, alarms = day.frame, day.alarms()
    date = datetime.fromtimestamp(frame.first_slot * frame.interval, UTC).strftime("%d %B %Y")
    draw.text((LEFT, 24), f"{len(frame.sensors)} stations on {date}", INK, _font(30))
    faulty = day.faults != ""
    sentence = (
        f"{int((alarms & faulty).sum())} of {int(faulty.sum())} faulty readings found, "
        f"{int((alarms & ~faulty).sum())} false alarms among {int((~faulty).sum()):,} others"
    )
    draw.text((LEFT, 66), sentence, SOFT, _font(18))
    x, y = LEFT, 106
    draw.line([(x, y + 8), (x + 34, y + 8)], LINE, 2)
    draw.text((x + 42, y - 2), "reading", SOFT, _font(16))
    x += 130
    for step in range(101):
        draw.line([(x + 2 * step, y), (x + 2 * step, y + STRIP)], heat(step), 2)
    draw.text((x + 212, y - 2), "DQF 0 to 100", SOFT, _font(16))
    x += 340
    draw.rectangle((x, y + 5, x + 34, y + 5 + MARK), FAULT)
    draw.text((x + 42, y - 2), "injected fault", SOFT, _font(16))
    draw.text((WIDTH - RIGHT + 30, y - 26), "round on the chain", INK, _font(18))
    if day.rounds:
        draw.text((WIDTH - RIGHT + 30, y - 2), _hours(day.rounds[0].start, day.rounds[0].end), SOFT, _font(16))


def _draw_axis(draw: ImageDraw.ImageDraw, day: ScoredDay) -> None:
    frame, bottom = day.frame, TOP + ROW * len(day.frame.sensors)
    for row in range(0, frame.rows + 1, _HOURS * 3600 // frame.interval):
        x = _x(day, row)
        draw.line([(x, TOP - 4), (x, bottom)], GRID, 1)
        time = datetime.fromtimestamp((frame.first_slot + row) * frame.interval, UTC).strftime("%H:%M")
        draw.text((x, bottom + 12), time if row < frame.rows else "24:00", SOFT, _font(16), anchor="ma")


def _draw_station(draw: ImageDraw.ImageDraw, day: ScoredDay, number: int, top: int) -> None:
    name = day.frame.sensors[number]
    draw.text((LEFT - 14, top + CURVE), name, INK, _font(16), anchor="rm")
    values, present = day.values[:, number], day.present[:, number]
    low, high = (int(each) for each in np.percentile(values[present], (1, 99)))
    margin = max((high - low) // 8, 1)
    for first, end in runs(present):
        shares = np.clip((values[first:end] - low + margin) / (high - low + 2 * margin), 0, 1)
        points = [(_x(day, first + row + 0.5), top + CURVE * (1 - share)) for row, share in enumerate(shares)]
        draw.line(points if len(points) > 1 else [points[0], (points[0][0] + 1, points[0][1])], LINE, 2)
    strip = top + CURVE + 3
    for row, dqf in enumerate(day.scores.dqf[:, number].tolist()):
        draw.rectangle((_x(day, row), strip, _x(day, row + 1) - 1, strip + STRIP), heat(dqf))
    for first, end in runs(day.faults[:, number] != ""):
        draw.rectangle((_x(day, first), strip + STRIP + 1, _x(day, end) - 1, strip + STRIP + MARK), FAULT)
    _draw_round(draw, day, name, top)


def _draw_round(draw: ImageDraw.ImageDraw, day: ScoredDay, name: str, top: int) -> None:
    x, middle = WIDTH - RIGHT + 30, top + CURVE
    found = day.of(name)
    if found is None:
        draw.text((x, middle), "none", SOFT, _font(16), anchor="lm")
        return
    draw.rectangle((x, middle - 12, x + 46, middle + 12), heat(found.dqf), GRID)
    dark = found.dqf < 30
    draw.text((x + 23, middle), str(found.dqf), PAPER if dark else INK, _font(16), anchor="mm")
    draw.text((x + 58, middle), found.reason.replace("none", "no fault"), SOFT, _font(16), anchor="lm")
    draw.text((x + 150, middle), f"task {found.task[:10]}…", SOFT, _font(14), anchor="lm")


def _x(day: ScoredDay, row: float) -> int:
    return round(LEFT + row * (WIDTH - LEFT - RIGHT) / day.frame.rows)


def _hours(start: int, end: int) -> str:
    first, last = (datetime.fromtimestamp(each, UTC).strftime("%H:%M") for each in (start, end))
    return f"{first} to {'24:00' if last == '00:00' else last}"
