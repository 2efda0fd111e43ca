"""Disturbances of street scenes, each at a strength drawn at random between two fixed bounds."""

import random
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ..reader.geometry import Corners, homography, rectangle  # noqa: TID252  as the modules beside

Disturbed = tuple[Image.Image, Corners]


def clean(chance: random.Random, picture: Image.Image, corners: Corners) -> Disturbed:
    """Return the picture as it is."""
    assert chance
    return picture, corners


def blur(chance: random.Random, picture: Image.Image, corners: Corners) -> Disturbed:
    """Return the picture out of focus, or of a camera that moved sideways."""
    if chance.random() < 0.5:
        return picture.filter(ImageFilter.GaussianBlur(chance.uniform(1.2, 2.2))), corners
    length = chance.randint(5, 8)
    pixels = np.asarray(picture, np.float32)
    moved = np.mean([np.roll(pixels, step - length // 2, axis=1) for step in range(length)], axis=0)
    return _picture(moved), corners


def night(chance: random.Random, picture: Image.Image, corners: Corners) -> Disturbed:
    """Return the picture under a street lamp: dark, orange, darker towards the sides."""
    pixels = np.asarray(picture, np.float32)
    y, x = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
    lamp = np.exp(-((x - chance.uniform(-0.3, 0.3)) ** 2 + (y - chance.uniform(-0.2, 0.5)) ** 2) / 0.9)
    gain = chance.uniform(0.16, 0.3) * (0.45 + 0.55 * lamp)
    dark = pixels * gain[:, :, None] * np.array([1.1, 0.92, 0.7])
    return _picture(dark + _grain(chance, pixels.shape, chance.uniform(2, 5))), corners


def rain(chance: random.Random, picture: Image.Image, corners: Corners) -> Disturbed:
    """Return the picture in rain: grey, hazy, with streaks and a few drops on the lens."""
    grey = Image.new("RGB", picture.size, (140, 146, 152))
    wet = Image.blend(picture, grey, chance.uniform(0.15, 0.35))
    draw = ImageDraw.Draw(wet, "RGBA")
    lean = chance.uniform(-0.25, 0.25)
    for _ in range(chance.randint(350, 700)):
        x, y, long = chance.uniform(0, wet.width), chance.uniform(0, wet.height), chance.uniform(14, 40)
        draw.line((x, y, x + lean * long, y + long), (215, 222, 228, chance.randint(40, 120)), 1)
    for _ in range(chance.randint(4, 12)):
        x, y, reach = chance.uniform(0, wet.width), chance.uniform(0, wet.height), chance.uniform(5, 15)
        box = (round(x - reach), round(y - reach), round(x + reach), round(y + reach))
        wet.paste(wet.crop(box).filter(ImageFilter.GaussianBlur(4)), box[:2])
    return wet, corners


def angle(chance: random.Random, picture: Image.Image, corners: Corners) -> Disturbed:
    """Return the picture from one side: narrower, with one side nearer, and tilted."""
    width, height = picture.size
    side = chance.choice((-1, 1))
    target = rectangle(width, height) - (width / 2, height / 2)
    nearer = 1 + side * np.sign(target[:, 0]) * chance.uniform(0.05, 0.12)
    target = target * nearer[:, None]
    target[:, 0] *= chance.uniform(0.62, 0.8)
    target[:, 1] += target[:, 0] * chance.uniform(-0.14, 0.14)
    target += np.array((width / 2, height / 2))
    matrix = homography(target, rectangle(width, height))
    seen = picture.transform(
        picture.size,
        Image.Transform.PERSPECTIVE,
        matrix.reshape(9)[:8].tolist(),
        Image.Resampling.BICUBIC,
        fillcolor=(96, 100, 104),
    )
    projected = np.column_stack((corners, np.ones(4))) @ homography(rectangle(width, height), target).T
    return seen, projected[:, :2] / projected[:, 2:]


def dirt(chance: random.Random, picture: Image.Image, corners: Corners) -> Disturbed:
    """Return the picture with a spattered plate, more of it at the bottom, and a film of dust."""
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    low, high = corners.min(axis=0), corners.max(axis=0)
    tall = float(high[1] - low[1])
    draw.polygon([(float(x), float(y)) for x, y in corners], fill=(128, 108, 80, chance.randint(30, 90)))
    for _ in range(chance.randint(25, 60)):
        x = chance.uniform(low[0] - tall, high[0] + tall)
        y = high[1] - tall * chance.betavariate(1, 2) * 1.4
        reach = tall * chance.uniform(0.015, 0.06)
        shade = chance.uniform(0.7, 1.2)
        mud = (round(92 * shade), round(72 * shade), round(48 * shade), chance.randint(130, 230))
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=mud)
    soft = layer.filter(ImageFilter.GaussianBlur(0.6))
    dirty = picture.convert("RGBA")
    dirty.alpha_composite(soft)
    return dirty.convert("RGB"), corners


def noise(chance: random.Random, picture: Image.Image, corners: Corners) -> Disturbed:
    """Return the picture with the grain of a fast film, and single dead or hot pixels."""
    pixels = np.asarray(picture, np.float32)
    grainy = pixels + _grain(chance, pixels.shape, chance.uniform(14, 26))
    spots = np.random.default_rng(chance.getrandbits(32)).random(pixels.shape[:2])
    grainy[spots < 0.003], grainy[spots > 0.997] = 0, 255
    return _picture(grainy), corners


def _grain(chance: random.Random, shape: tuple[int, ...], sigma: float) -> NDArray[np.float64]:
    return np.random.default_rng(chance.getrandbits(32)).normal(0, sigma, shape)


def _picture(pixels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).round().astype(np.uint8))


DISTURBANCES: MappingProxyType[str, Callable[[random.Random, Image.Image, Corners], Disturbed]] = MappingProxyType(
    {"clean": clean, "blur": blur, "night": night, "rain": rain, "angle": angle, "dirt": dirt, "noise": noise}
)
