"""A blue Chinese plate, drawn flat. Sizes follow the standard GA 36: 440 x 140 mm, characters of 45 x 90 mm."""

import io
import random
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  #: I and O are never used
DIGITS = "0123456789"
WIDTH_MM, HEIGHT_MM = 440, 140
SCALE = 3  #: pixels per mm

_GLYPH = (45 * SCALE, 90 * SCALE)
_LEFT_MM = (15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5)
_TOP_MM = 25
_DOT_MM = (134.5, 70, 5)  #: x, y, radius
_BLUE, _DARK_BLUE, _WHITE = (22, 74, 178), (12, 52, 140), (244, 247, 250)
_LATIN_WEIGHT, _SIGN_WEIGHT = 620, 480  #: of a variable font; 400 is regular, 700 bold
_LATIN_SQUEEZE = 0.72  #: plate letters are narrower than a text font's


def random_text(chance: random.Random) -> str:
    """Return a province, a letter and five letters or digits, of which at most two are letters."""
    letters = chance.choice((0, 0, 1, 1, 2))
    tail = [chance.choice(LETTERS) for _ in range(letters)] + [chance.choice(DIGITS) for _ in range(5 - letters)]
    chance.shuffle(tail)
    return chance.choice(PROVINCES) + chance.choice(LETTERS) + "".join(tail)


def draw_plate(text: str, font: Path) -> Image.Image:
    """Return a plate with seven characters, WIDTH_MM x HEIGHT_MM at SCALE."""
    plate = Image.new("RGBA", (WIDTH_MM * SCALE, HEIGHT_MM * SCALE))
    draw = ImageDraw.Draw(plate)
    right, bottom = plate.width - 1, plate.height - 1
    draw.rounded_rectangle((0, 0, right, bottom), 10 * SCALE, fill=_BLUE)
    inset = 4 * SCALE
    draw.rounded_rectangle((inset, inset, right - inset, bottom - inset), 8 * SCALE, outline=_WHITE, width=2 * SCALE)
    for x_mm in (110, 330):
        for y_mm in (13, 127):
            _disc(draw, (x_mm, y_mm, 5), _DARK_BLUE)
    _disc(draw, _DOT_MM, _WHITE)
    for character, left in zip(text, _LEFT_MM, strict=True):
        glyph = _glyph(character, font)
        at = (round(left * SCALE) + (_GLYPH[0] - glyph.width) // 2, _TOP_MM * SCALE)
        plate.paste((*_WHITE, 255), at, glyph)
    return plate


def _disc(draw: ImageDraw.ImageDraw, place: tuple[float, float, float], colour: tuple[int, int, int]) -> None:
    x, y, radius = (value * SCALE for value in place)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


@lru_cache(maxsize=128)
def _glyph(character: str, font: Path) -> Image.Image:
    """Return one character as a mask of the size of its place on the plate."""
    is_latin = character.isascii()
    drawn = Image.new("L", (900, 900))
    ImageDraw.Draw(drawn).text((150, 50), character, 255, _font(font, _LATIN_WEIGHT if is_latin else _SIGN_WEIGHT))
    cut = drawn.crop(drawn.getbbox())
    natural = round(cut.width * _GLYPH[1] / cut.height * _LATIN_SQUEEZE)
    width = min(_GLYPH[0], natural) if is_latin else _GLYPH[0]
    return cut.resize((width, _GLYPH[1]), Image.Resampling.LANCZOS)


@lru_cache(maxsize=4)
def _font(path: Path, weight: int) -> ImageFont.FreeTypeFont:
    # From memory: Pillow would keep the file open.
    font = ImageFont.truetype(io.BytesIO(path.read_bytes()), 500, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    return font
