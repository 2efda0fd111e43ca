"""Draws shapes with gradients and soft edges on a canvas with coordinates of its own."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Return a colour between two; share 0 is the first."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def vertical(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """Return a rectangle whose colour changes from top to bottom."""
    ramp = np.linspace(np.array(top, float), np.array(bottom, float), max(size[1], 1))
    pixels = np.repeat(ramp[:, None], size[0], axis=1)
    return Image.fromarray(pixels.round().astype(np.uint8), "RGB")


@dataclass
class Canvas:
    """A picture with its own coordinates: ``place`` maps a point to pixels."""

    image: Image.Image
    place: Callable[[Point], Point]

    def polygon(self, points: Sequence[Point], top: Colour, bottom: Colour | None = None) -> None:
        """Fill a polygon, from top to bottom when there are two colours."""
        self._fill(lambda draw, at: draw.polygon(at, fill=255), points, top, bottom)

    def ellipse(self, low: Point, high: Point, top: Colour, bottom: Colour | None = None) -> None:
        """Fill the ellipse in a box given by two opposite corners."""
        self._fill(lambda draw, at: draw.ellipse(_box(at), fill=255), (low, high), top, bottom)

    def rounded(self, low: Point, high: Point, radius: float, top: Colour, bottom: Colour | None = None) -> None:
        """Fill a rectangle with round corners; the radius is in pixels."""
        self._fill(lambda draw, at: draw.rounded_rectangle(_box(at), radius, fill=255), (low, high), top, bottom)

    def line(self, points: Sequence[Point], colour: Colour, width: int) -> None:
        """Draw a line; the width is in pixels."""
        ImageDraw.Draw(self.image).line([self.place(p) for p in points], colour, width, joint="curve")

    def _fill(
        self,
        shape: Callable[[ImageDraw.ImageDraw, list[Point]], None],
        points: Sequence[Point],
        top: Colour,
        bottom: Colour | None,
    ) -> None:
        at = [self.place(point) for point in points]
        left, top_edge, right, bottom_edge = _box(at)
        x1, y1, x2, y2 = math.floor(left), math.floor(top_edge), math.ceil(right), math.ceil(bottom_edge)
        if x2 <= x1 or y2 <= y1:
            return
        mask = Image.new("L", (x2 - x1 + 1, y2 - y1 + 1))
        shape(ImageDraw.Draw(mask), [(x - x1, y - y1) for x, y in at])
        self.image.paste(vertical(mask.size, top, bottom or top), (x1, y1), mask)


def soft(mask: Image.Image, radius: float) -> Image.Image:
    """Return a mask with soft edges."""
    return mask.filter(ImageFilter.GaussianBlur(radius))


def lighten(image: Image.Image, colour: Colour, mask: Image.Image) -> Image.Image:
    """Return the picture with coloured light added where the mask is bright."""
    light = Image.composite(Image.new("RGB", image.size, colour), Image.new("RGB", image.size), mask)
    return ImageChops.add(image, light)


def _box(points: Sequence[Point]) -> tuple[float, float, float, float]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
