"""Disturbances of the pictures to train on: light, blur, rain, dirt, noise and compression, some or all at once."""

import io
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def disturb(chance: random.Random, image: Image.Image) -> Image.Image:
    """Return the picture as a poor camera takes it in poor weather; one in six stays as it is."""
    if chance.random() < 1 / 6:
        return image
    if chance.random() < 0.25:
        _dirt(chance, image)
    if chance.random() < 0.25:
        _rain(chance, image)
    image = _blur(chance, image)
    image = _light(chance, image)
    if chance.random() < 0.3:
        compressed = io.BytesIO()
        image.save(compressed, "JPEG", quality=chance.randint(25, 90))
        image = Image.open(compressed).convert("RGB")
    return image


def _dirt(chance: random.Random, image: Image.Image) -> None:
    """Spatter mud, in spots about as wide as a stroke of a character."""
    draw = ImageDraw.Draw(image, "RGBA")
    side = max(image.size) / 60
    for _ in range(chance.randint(10, 120)):
        x, y = chance.uniform(0, image.width), chance.uniform(0, image.height)
        reach = side * 10 ** chance.uniform(-0.9, 0.2)
        shade = chance.randint(40, 120)
        colour = (shade, round(shade * 0.85), round(shade * 0.65), chance.randint(90, 220))
        draw.ellipse((x - reach, y - reach * 0.7, x + reach, y + reach * 0.7), fill=colour)


def _rain(chance: random.Random, image: Image.Image) -> None:
    """Draw streaks, all nearly in one direction."""
    draw = ImageDraw.Draw(image, "RGBA")
    slope = chance.uniform(-0.5, 0.5)
    for _ in range(chance.randint(20, 160)):
        x, y, long = chance.uniform(0, image.width), chance.uniform(0, image.height), chance.uniform(4, 26)
        shade = chance.randint(150, 245)
        tilt = slope + chance.gauss(0, 0.04)
        colour = (shade, shade, shade, chance.randint(50, 170))
        draw.line((x, y, x + long * tilt, y + long), fill=colour, width=1)


def _blur(chance: random.Random, image: Image.Image) -> Image.Image:
    kind = chance.random()
    if kind < 0.35:
        return image.filter(ImageFilter.GaussianBlur(10 ** chance.uniform(-0.6, 0.26)))
    if kind < 0.55:  # a moving camera
        kernel = np.zeros((5, 5))
        length = chance.randint(2, 5)
        if chance.random() < 0.6:
            kernel[2, :length] = 1
        else:
            kernel[np.arange(length), np.arange(length)] = 1
        return image.filter(ImageFilter.Kernel((5, 5), kernel.ravel().tolist(), scale=length))
    return image


def _light(chance: random.Random, image: Image.Image) -> Image.Image:
    """Return the picture in another light, night included, with the noise of the sensor."""
    pixels = np.asarray(image, np.float32)
    generator = np.random.default_rng(chance.getrandbits(32))
    is_night = chance.random() < 0.3
    if is_night:
        gain = chance.uniform(0.15, 0.5)
        tint = np.array([chance.uniform(0.8, 1.1), chance.uniform(0.85, 1.0), chance.uniform(0.7, 1.2)])
    else:
        gain, tint = chance.uniform(0.6, 1.35), np.array([chance.uniform(0.9, 1.1) for _ in range(3)])
    pixels = pixels * (gain * tint).astype(np.float32) + chance.uniform(-12, 25)
    if chance.random() < 0.4:  # a light or a shadow on one side
        ramp = np.linspace(chance.uniform(0.5, 1.4), chance.uniform(0.5, 1.4), image.width, dtype=np.float32)
        pixels = pixels * ramp[None, :, None]
    sigma = chance.choice((0.0, 2.0, chance.uniform(3, 12), chance.uniform(8, 14 if is_night else 30)))
    if sigma:
        pixels = pixels + generator.standard_normal(pixels.shape, dtype=np.float32) * sigma
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
