"""Street scenes generated from a seed, with a known plate or none."""

import io
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from sealgrid.shipped_apps.plate_reader.drawing.car import (
    CHINESE_MM,
    HALF_MM,
    HIGH_MM,
    draw_car,
    plate_corner,
    to_pixels,
)
from sealgrid.shipped_apps.plate_reader.drawing.paint import soft
from sealgrid.shipped_apps.plate_reader.drawing.plate import draw_plate, random_text
from sealgrid.shipped_apps.plate_reader.drawing.street import HORIZON, LIGHTS, draw_street
from sealgrid.shipped_apps.plate_reader.reader.geometry import Corners, homography, rectangle

SIZE = (960, 640)
_OVERSAMPLING = 2  #: scenes are drawn at this multiple of SIZE and reduced at the end
_CAMERA_MM = 1500  #: height of the camera


@dataclass(frozen=True)
class Scene:
    """A drawn picture and its plate."""

    png: bytes = field(repr=False)
    expected: str | None  #: the plate's text; None without a plate
    corners: tuple[tuple[float, float], ...] | None  #: of the plate, from the top left, clockwise; pixels


def draw_scene(seed: int, font: Path, *, with_plate: bool = True) -> Scene:
    """Draw the scene of a seed, always the same bytes. The font needs the characters of China's provinces."""
    chance = random.Random(seed)  # noqa: S311  a picture, no secret
    text = random_text(chance)
    plate = draw_plate(text, font) if with_plate else None
    picture, corners = draw_parked(chance, plate, CHINESE_MM)
    known = tuple((float(x), float(y)) for x, y in corners) if with_plate else None
    png = io.BytesIO()
    picture.save(png, "PNG")
    return Scene(png.getvalue(), text if with_plate else None, known)


def draw_parked(
    chance: random.Random, plate: Image.Image | None, size_mm: tuple[int, int]
) -> tuple[Image.Image, Corners]:
    """Return a street with a car that has the plate, if any, and the corners of the plate's place in pixels."""
    light = chance.choice(LIGHTS)
    street = draw_street(chance, (SIZE[0] * _OVERSAMPLING, SIZE[1] * _OVERSAMPLING), light)
    picture, corners = _park(chance, street, plate, size_mm)
    return _photograph(chance, picture.reduce(_OVERSAMPLING)), corners / _OVERSAMPLING


def _park(
    chance: random.Random, street: Image.Image, plate: Image.Image | None, size_mm: tuple[int, int]
) -> tuple[Image.Image, Corners]:
    """Put a car on the street; return the picture and the corners of the plate in it."""
    car = draw_car(chance, plate, size_mm).image
    scale = chance.uniform(0.215, 0.30) * _OVERSAMPLING  # pixels per mm
    foot = street.height * HORIZON + _CAMERA_MM * scale
    centre = street.width * chance.uniform(0.40, 0.60)
    target = _stance(chance, centre, foot, scale)
    size = (round(2 * HALF_MM * scale), round(HIGH_MM * scale))
    small = car.resize(size, Image.Resampling.LANCZOS)
    shadow = Image.new("L", street.size)
    for half, depth, strength in ((1050, 150, 110), (900, 75, 215)):
        box = (centre - half * scale, foot - depth * scale, centre + half * scale, foot + depth * scale)
        ImageDraw.Draw(shadow).ellipse(box, fill=strength)
    street.paste((16, 17, 20), (0, 0), soft(shadow, 26 * _OVERSAMPLING * scale))
    matrix = homography(target, rectangle(*size))
    warped = small.transform(
        street.size, Image.Transform.PERSPECTIVE, matrix.reshape(9)[:8].tolist(), Image.Resampling.BICUBIC
    )
    street.paste(warped, (0, 0), warped)
    left, top = plate_corner(size_mm)
    flat = [to_pixels((left + x, top - y)) for x, y in rectangle(*size_mm)]
    projected: NDArray[np.float64] = (
        np.column_stack((flat, np.ones(len(flat)))) @ homography(rectangle(*car.size), target).T
    )
    return street, projected[:, :2] / projected[:, 2:]


def _stance(chance: random.Random, centre: float, foot: float, scale: float) -> Corners:
    """Return the corners of the car's canvas in the picture: a little turned, leaning and nearer on one side."""
    half, high = HALF_MM * scale, HIGH_MM * scale
    corners = np.array([(-half, -high), (half, -high), (half, 0), (-half, 0)])
    corners[:, 0] *= chance.uniform(0.86, 1.0)
    turn = chance.uniform(-0.07, 0.07)
    corners[:, 1] += corners[:, 0] * turn * 0.5
    nearer = 1 + np.sign(corners[:, 0]) * chance.uniform(-0.05, 0.05)
    stance: Corners = corners * nearer[:, None] + (centre, foot)
    return stance


def _photograph(chance: random.Random, picture: Image.Image) -> Image.Image:
    """Return the picture as a camera takes it: exposure, contrast, blur, noise, dark corners."""
    picture = ImageEnhance.Brightness(picture).enhance(chance.uniform(0.8, 1.14))
    picture = ImageEnhance.Contrast(picture).enhance(chance.uniform(0.8, 1.1))
    picture = picture.filter(ImageFilter.GaussianBlur(chance.uniform(0.0, 0.9)))
    grain = np.random.default_rng(chance.getrandbits(32)).normal(0, chance.uniform(1, 7), (SIZE[1], SIZE[0], 3))
    y, x = np.mgrid[-1 : 1 : SIZE[1] * 1j, -1 : 1 : SIZE[0] * 1j]
    dark = 1 - 0.13 * (x * x + y * y)
    pixels = np.asarray(picture, float) * dark[:, :, None] + grain
    return Image.fromarray(np.clip(pixels, 0, 255).round().astype(np.uint8))
