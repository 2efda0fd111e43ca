"""European plates with Latin letters, drawn flat in millimetres, one layout for each country."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageFont

from .plate import SCALE

Colour = tuple[int, int, int]

SIZE_MM = (520, 110)
_WHITE, _YELLOW, _BLUE, _GOLD = (243, 245, 244), (246, 190, 36), (14, 56, 150), (255, 208, 48)
_INK = (22, 22, 24)
_BAND_MM = 42
_MARGIN_MM = 10


@dataclass(frozen=True)
class PlateLayout:
    """How a country's plates look; lengths in millimetres."""

    letter: str  #: in the band; empty without one
    ground: Colour
    tall: int  #: height of the characters
    wide: int  #: width of the place of a character
    space: int  #: between two groups
    weight: int  #: of the variable font
    both: bool = False  #: a second blue band on the right
    mark: str = ""  #: between groups: "-" a hyphen, "o" two seals after the first group


LAYOUTS = MappingProxyType(
    {
        "ES": PlateLayout("E", _WHITE, 77, 50, 30, 640),
        "FR": PlateLayout("F", _WHITE, 80, 47, 22, 600, both=True, mark="-"),
        "DE": PlateLayout("D", _WHITE, 75, 48, 52, 700, mark="o"),
        "IT": PlateLayout("I", _WHITE, 78, 48, 26, 560, both=True),
        "PT": PlateLayout("P", _WHITE, 76, 51, 34, 620),
        "GB": PlateLayout("", _WHITE, 79, 52, 33, 760),
        "NL": PlateLayout("NL", _YELLOW, 77, 49, 26, 620, mark="-"),
    }
)


def ground_of(country: str, *, is_front: bool) -> Colour:
    """Return the colour of the plate; British plates are yellow at the rear."""
    return _YELLOW if country == "GB" and not is_front else LAYOUTS[country].ground


def draw_latin_plate(country: str, groups: Sequence[str], ground: Colour, font: Path) -> Image.Image:
    """Return a plate of SIZE_MM at SCALE pixels per millimetre."""
    layout = LAYOUTS[country]
    width, height = (side * SCALE for side in SIZE_MM)
    plate = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), 9 * SCALE, fill=ground)
    left, right = float(_MARGIN_MM), float(SIZE_MM[0] - _MARGIN_MM)
    if layout.letter:
        _draw_band(draw, 0, layout.letter, font)
        left = _BAND_MM + 4
    if layout.both:
        _draw_band(draw, SIZE_MM[0] - _BAND_MM, "", font)
        right = SIZE_MM[0] - _BAND_MM - 4
    inset = 2 * SCALE
    draw.rounded_rectangle(
        (inset, inset, width - 1 - inset, height - 1 - inset), 8 * SCALE, outline=_INK, width=SCALE + 1
    )
    count = sum(map(len, groups))
    natural = count * layout.wide + (len(groups) - 1) * layout.space
    shrink = min(1.0, (right - left) / natural)
    x = (left + right) / 2 - natural * shrink / 2
    for number, group in enumerate(groups):
        for character in group:
            size = (round((layout.wide - 6) * shrink * SCALE), layout.tall * SCALE)
            glyph = _glyph(character, font, layout.weight, size)
            at = round((x + layout.wide * shrink / 2) * SCALE) - glyph.width // 2
            plate.paste((*_INK, 255), (at, (height - glyph.height) // 2), glyph)
            x += layout.wide * shrink
        if number < len(groups) - 1:
            _draw_mark(draw, layout.mark if number == 0 or layout.mark == "-" else "", x, layout.space * shrink)
        x += layout.space * shrink
    return plate


def _draw_band(draw: ImageDraw.ImageDraw, left: float, letter: str, font: Path) -> None:
    """Draw a blue band; the one with a letter has the ring of stars."""
    top, bottom = 3 * SCALE, (SIZE_MM[1] - 3) * SCALE
    draw.rectangle(((left + 3) * SCALE, top, (left + _BAND_MM - 3) * SCALE, bottom), fill=_BLUE)
    if not letter:
        return
    middle, ring = (left + _BAND_MM / 2, 34), 12
    for star in range(12):
        angle = star * math.pi / 6
        x, y = middle[0] + ring * math.sin(angle), middle[1] - ring * math.cos(angle)
        draw.ellipse(((x - 2) * SCALE, (y - 2) * SCALE, (x + 2) * SCALE, (y + 2) * SCALE), fill=_GOLD)
    face = _font(font, 700, 30 * SCALE if len(letter) == 1 else 22 * SCALE)
    draw.text((middle[0] * SCALE, 84 * SCALE), letter, _WHITE, face, anchor="mm")


def _draw_mark(draw: ImageDraw.ImageDraw, mark: str, left: float, space: float) -> None:
    middle, y = (left + space / 2) * SCALE, SIZE_MM[1] * SCALE / 2
    if mark == "-":
        reach = 6.0 * SCALE
        draw.rectangle((middle - reach, y - 3 * SCALE, middle + reach, y + 3 * SCALE), fill=_INK)
    elif mark == "o":
        reach = min(17.0, space / 2 - 3) * SCALE
        for at, colour in ((y - 21 * SCALE, (198, 122, 44)), (y + 21 * SCALE, (150, 162, 158))):
            draw.ellipse((middle - reach, at - reach, middle + reach, at + reach), fill=colour)


@lru_cache(maxsize=512)
def _glyph(character: str, font: Path, weight: int, size: tuple[int, int]) -> Image.Image:
    """Return one character as a mask, at most as wide as the size and as high as it."""
    drawn = Image.new("L", (600, 600))
    ImageDraw.Draw(drawn).text((100, 50), character, 255, _font(font, weight, 400))
    cut = drawn.crop(drawn.getbbox())
    natural = round(cut.width * size[1] / cut.height * 0.8)
    return cut.resize((min(size[0], natural), size[1]), Image.Resampling.LANCZOS)


@lru_cache(maxsize=32)
def _font(path: Path, weight: int, size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    return font
