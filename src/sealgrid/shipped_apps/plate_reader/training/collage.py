"""Pictures to train on: plates of random layout on collages of shapes, lines, lettering and noise.

They share no font, layout, colour or background with the street scenes that the networks are evaluated on.
"""

import random
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from sealgrid.shipped_apps.plate_reader.latin import CHARACTERS, COUNTRIES, random_groups
from sealgrid.shipped_apps.plate_reader.reader.geometry import Corners, homography, rectangle
from sealgrid.shipped_apps.plate_reader.training.disturb import disturb

Colour = tuple[int, int, int]

TRAINING_SEED, CLOSE_UPS_SEED, VALIDATION_SEED = 1_000_000, 5_000_000, 9_000_000  #: of the first picture

_GLYPH_PX = 72  #: height of a glyph in the cache
_PLATE_PX = 60  #: height of a flat plate
_FREE_TEXT = 0.25  #: share of plates whose text has no country's form
_EMPTY = 0.3  #: share of collages without a plate


@dataclass(frozen=True)
class DrawnPlate:
    """A plate in a collage; coordinates are in pixels."""

    text: str
    corners: Corners = field(repr=False)
    centres: NDArray[np.float64] = field(repr=False)  #: (n, 2), of the characters


@dataclass(frozen=True)
class Collage:
    """A picture and the plates in it."""

    image: Image.Image = field(repr=False)
    plates: tuple[DrawnPlate, ...]


@dataclass(frozen=True)
class FontStyle:
    """A font file, and the axes of a variable one."""

    path: Path
    axes: tuple[float, ...] = ()


def draw_collage(seed: int, fonts: tuple[FontStyle, ...], size: tuple[int, int]) -> Collage:
    """Return the collage of a seed, with up to two plates."""
    chance = random.Random(seed)  # noqa: S311  a picture, no secret
    image = _background(chance, fonts, size)
    plates: list[DrawnPlate] = []
    for _ in range(0 if chance.random() < _EMPTY else chance.choice((1, 1, 1, 2))):
        width = size[0] * 10 ** chance.uniform(-1.0, -0.2)
        corners = _stance(chance, width, width / chance.uniform(4.0, 5.1))
        low, high = corners.min(axis=0), corners.max(axis=0)
        room = np.array(size) - (high - low) - 4
        if (room < 1).any():
            continue
        corners = corners - low + 2 + room * (chance.random(), chance.random())
        if any(_touch(corners, other.corners) for other in plates):
            continue
        plates.append(_paste_plate(chance, fonts, image, corners))
    return Collage(disturb(chance, image), tuple(plates))


def draw_close_up(seed: int, fonts: tuple[FontStyle, ...]) -> Collage:
    """Return a small picture that one plate nearly fills."""
    chance = random.Random(seed)  # noqa: S311  a picture, no secret
    width = 10 ** chance.uniform(1.78, 2.23)
    corners = _stance(chance, width, width / chance.uniform(4.0, 5.1))
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = width * 0.08
    size = tuple(int(side) for side in np.ceil(high - low + 2 * margin))
    corners = corners - low + margin
    image = _background(chance, fonts, (size[0], size[1]), shapes=6)
    plate = _paste_plate(chance, fonts, image, corners)
    return Collage(disturb(chance, image), (plate,))


def _touch(one: Corners, other: Corners) -> bool:
    return bool((one.min(axis=0) < other.max(axis=0)).all() and (other.min(axis=0) < one.max(axis=0)).all())


def _stance(chance: random.Random, width: float, height: float) -> Corners:
    """Return the corners of a plate of the size, turned in space, around the origin."""
    corners = rectangle(width, height) - (width / 2, height / 2)
    corners[:, 0] *= chance.uniform(0.6, 1.0) if chance.random() < 0.4 else chance.uniform(0.85, 1.0)
    shear, turn = chance.gauss(0, 0.07), chance.gauss(0, 0.09)
    corners[:, 1] += corners[:, 0] * shear
    corners[:, 1] *= 1 + np.sign(corners[:, 0]) * chance.gauss(0, 0.05)
    cosine, sine = np.cos(turn), np.sin(turn)
    turned: Corners = corners @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def _paste_plate(
    chance: random.Random, fonts: tuple[FontStyle, ...], image: Image.Image, corners: Corners
) -> DrawnPlate:
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    aspect = (sides[1] + sides[3]) / (sides[0] + sides[2])
    text, shares, flat = _draw_flat(chance, fonts, max(3.2, aspect * chance.uniform(1.0, 1.2)))
    # Halved until it is at most twice as large as in the picture, for Pillow does not average.
    while flat.width > 2 * max(sides):
        flat = flat.reduce(2)
    if chance.random() < 0.7:  # what a plate is mounted on
        middle = corners.mean(axis=0)
        reach = (chance.uniform(1.02, 1.3), chance.uniform(1.05, 2.2))
        around = middle + (corners - middle) * reach
        ImageDraw.Draw(image).polygon([tuple(point) for point in around], fill=_colour(chance))
    matrix = homography(corners, rectangle(*flat.size))
    warped = flat.transform(
        image.size, Image.Transform.PERSPECTIVE, matrix.reshape(9)[:8].tolist(), Image.Resampling.BICUBIC
    )
    image.paste(warped, (0, 0), warped)
    flat_centres = np.column_stack((shares, np.full(len(text), 0.5)))
    return DrawnPlate(text, corners, projected(flat_centres, homography(rectangle(1, 1), corners)))


def projected(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points (n, 2) moved by a homography."""
    moved: NDArray[np.float64] = np.column_stack((points, np.ones(len(points)))) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def _draw_flat(
    chance: random.Random, fonts: tuple[FontStyle, ...], aspect: float
) -> tuple[str, list[float], Image.Image]:
    """Return a plate of random layout: its text, the characters' centres in shares of the width, its picture."""
    groups = _random_groups(chance)
    height, width = _PLATE_PX, round(_PLATE_PX * aspect)
    plate = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(plate)
    paint = chance.choice(((250, 250, 250), (225, 228, 232), (250, 200, 30), (238, 214, 90), (205, 205, 198)))
    ground = tuple(max(0, min(255, value + chance.randint(-14, 8))) for value in paint)
    ink = tuple(chance.randint(0, 60) for _ in range(3))
    draw.rounded_rectangle((0, 0, width - 1, height - 1), chance.uniform(0, 7), fill=(*ground, 255))
    if chance.random() < 0.6:
        inset = chance.uniform(0, 3)
        box = (inset, inset, width - 1 - inset, height - 1 - inset)
        draw.rounded_rectangle(box, chance.uniform(0, 7), outline=(*ink, 255), width=chance.randint(1, 2))
    left = right = height * 0.08
    bands = chance.choice(("none", "left", "left", "both"))
    if bands != "none":
        left = _band(chance, fonts, draw, (0, height * chance.uniform(0.36, 0.5)), height)
        if bands == "both":
            right = width - _band(chance, fonts, draw, (width - height * 0.42, width), height)
            right = max(right, height * 0.42)
    centres = _letter(chance, fonts, plate, groups, (left, width - right, ink))
    return "".join(groups), [centre / width for centre in centres], plate


def _random_groups(chance: random.Random) -> tuple[str, ...]:
    if chance.random() >= _FREE_TEXT:
        return random_groups(chance, chance.choice(COUNTRIES))
    text = "".join(chance.choice(CHARACTERS) for _ in range(chance.randint(4, 8)))
    cut = chance.randint(1, len(text) - 1)
    return text[:cut], text[cut:]


def _band(
    chance: random.Random,
    fonts: tuple[FontStyle, ...],
    draw: ImageDraw.ImageDraw,
    sides: tuple[float, float],
    height: int,
) -> float:
    """Draw a blue band with a sign and a letter; return its right side."""
    blue = (chance.randint(0, 50), chance.randint(30, 90), chance.randint(120, 220), 255)
    draw.rectangle((sides[0], 0, sides[1], height), fill=blue)
    middle = (sides[0] + sides[1]) / 2
    reach = height * chance.uniform(0.1, 0.17)
    if chance.random() < 0.8:
        at = height * 0.28
        shade = (250, chance.randint(190, 230), 40, 255)
        draw.ellipse((middle - reach, at - reach, middle + reach, at + reach), outline=shade, width=2)
    letter = "".join(chance.choice("EFDIPGBNLUK") for _ in range(chance.choice((1, 1, 2))))
    font = _font(chance.choice(fonts), round(height * 0.28))
    draw.text((middle, height * 0.75), letter, (245, 245, 245, 255), font, anchor="mm")
    return sides[1] if sides[0] == 0 else sides[0]


def _letter(
    chance: random.Random,
    fonts: tuple[FontStyle, ...],
    plate: Image.Image,
    groups: tuple[str, ...],
    place: tuple[float, float, tuple[int, ...]],
) -> list[float]:
    """Letter the plate between two sides; return the characters' centres."""
    left, right, ink = place
    face = chance.choice(fonts)
    tall = plate.height * chance.uniform(0.62, 0.84)
    gap, space = chance.uniform(0.08, 0.3), chance.uniform(0.25, 0.9)  # in widths of a character
    text = "".join(groups)
    units = len(text) + gap * (len(text) - 1) + space * (len(groups) - 1)
    wide = min((right - left) * chance.uniform(0.9, 0.98) / units, tall * chance.uniform(0.52, 0.74))
    fixed = chance.random() < 0.5  # each character as wide as its place, or by its own shape
    x = left + (right - left - units * wide) * chance.uniform(0.25, 0.75)
    top = (plate.height - tall) / 2
    mark = chance.choice(("", "", "-", "o"))
    draw, centres = ImageDraw.Draw(plate), []
    for number, group in enumerate(groups):
        for character in group:
            glyph = _glyph(face, character)
            natural = wide if character not in "1I" else wide * chance.uniform(0.3, 0.6)
            if not fixed:
                natural = min(natural, tall * glyph.width / glyph.height)
            cut = glyph.resize((max(2, round(natural)), round(tall)), Image.Resampling.BILINEAR)
            plate.paste((*ink, 255), (round(x + (wide - natural) / 2), round(top)), cut)
            centres.append(x + wide / 2)
            x += wide * (1 + gap)
        if number < len(groups) - 1:
            middle, y = x + wide * (space - gap) / 2, plate.height / 2
            if mark == "-":
                draw.line((middle - wide * 0.2, y, middle + wide * 0.2, y), fill=(*ink, 255), width=4)
            elif mark == "o":
                reach = min(wide * space * 0.4, tall * 0.2)
                for at in (y - reach * 1.1, y + reach * 1.1):
                    draw.ellipse((middle - reach, at - reach, middle + reach, at + reach), fill=(*_colour(chance), 255))
        x += wide * space
    return centres


def _background(
    chance: random.Random, fonts: tuple[FontStyle, ...], size: tuple[int, int], shapes: int = 34
) -> Image.Image:
    """Return a collage: soft colours, shapes, stripes and lettering, some of it much like a plate."""
    generator = np.random.default_rng(chance.getrandbits(32))
    coarse = generator.integers(0, 256, (chance.randint(2, 6), chance.randint(2, 8), 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    if chance.random() < 0.7:
        image = ImageEnhance.Color(image).enhance(chance.uniform(0, 0.4))
    draw = ImageDraw.Draw(image)
    for _ in range(chance.randint(shapes // 4, shapes)):
        x, y = chance.uniform(0, size[0]), chance.uniform(0, size[1])
        w, h = size[0] * 10 ** chance.uniform(-2, -0.4), size[1] * 10 ** chance.uniform(-2, -0.4)
        kind = chance.randrange(7)
        if kind == 0:
            draw.ellipse((x, y, x + w, y + h), fill=_colour(chance))
        elif kind == 1:
            draw.line(
                (x, y, x + chance.uniform(-w, w), y + chance.uniform(-h, h)), _colour(chance), chance.randint(1, 5)
            )
        elif kind == 2:
            points = [(x + chance.uniform(-w, w), y + chance.uniform(-h, h)) for _ in range(chance.randint(3, 6))]
            draw.polygon(points, fill=_colour(chance))
        elif kind == 3:  # stripes, as of a grille or a blind
            for step in range(chance.randint(3, 9)):
                at = y + step * h / 6
                draw.line((x, at, x + w, at), _colour(chance) if step == 0 else (60, 62, 66), chance.randint(1, 3))
        elif kind == 4:  # an empty board, with the sides of a plate or of a sign
            draw.rectangle((x, y, x + w, y + w / chance.uniform(1, 5)), fill=_colour(chance), outline=_colour(chance))
        elif kind == 5:  # lettering that is no plate
            words = chance.choice(("TAXI", "Bar", "open", "EXIT", "Hotel 24", "STOP", "P", "30", "Sale", "Café"))
            font = _font(chance.choice(fonts), max(6, round(h * 0.5)))
            draw.text((x, y), words, _colour(chance), font)
        else:
            draw.rounded_rectangle((x, y, x + w, y + h), min(w, h) / 4, fill=_colour(chance))
    return image


def _colour(chance: random.Random) -> Colour:
    grey = chance.randint(0, 255)
    if chance.random() < 0.5:
        return grey, grey, grey
    return chance.randint(0, 255), chance.randint(0, 255), chance.randint(0, 255)


@lru_cache(maxsize=2048)
def _glyph(face: FontStyle, character: str) -> Image.Image:
    """Return a character as a mask without margins."""
    font = _font(face, _GLYPH_PX)
    drawn = Image.new("L", (3 * _GLYPH_PX, 3 * _GLYPH_PX))
    ImageDraw.Draw(drawn).text((_GLYPH_PX // 2, _GLYPH_PX // 2), character, 255, font)
    return drawn.crop(drawn.getbbox())


@lru_cache(maxsize=512)
def _font(face: FontStyle, size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(face.path), size, layout_engine=ImageFont.Layout.BASIC)
    if face.axes:
        font.set_variation_by_axes(list(face.axes))
    return font
