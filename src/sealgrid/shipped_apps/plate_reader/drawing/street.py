"""A street at a person's eye level: sky, houses, trees, pavement and road, in pixels of the canvas."""

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .paint import Canvas, Colour, lighten, mix, soft, vertical

HORIZON = 0.31  #: of the picture's height
FOOT = 430  #: pixels below the horizon where the nearest houses stand


@dataclass(frozen=True)
class Light:
    """A time of the day."""

    sky: tuple[Colour, Colour]  #: above, at the horizon
    sun: Colour
    shade: float  #: share by which the ground is darkened
    lamps: float  #: share of lit windows


LIGHTS = (
    Light(((84, 146, 214), (206, 226, 240)), (255, 246, 214), 0.0, 0.06),
    Light(((140, 152, 166), (206, 210, 214)), (236, 238, 240), 0.08, 0.14),
    Light(((66, 76, 128), (248, 178, 124)), (255, 196, 120), 0.24, 0.5),
    Light(((112, 168, 220), (244, 232, 208)), (255, 236, 190), 0.04, 0.08),
)
_WALLS: tuple[Colour, ...] = (
    (186, 156, 130),
    (168, 172, 178),
    (204, 192, 168),
    (150, 116, 102),
    (176, 184, 172),
    (136, 142, 156),
)


def draw_street(chance: random.Random, size: tuple[int, int], light: Light) -> Image.Image:
    """Return an empty street."""
    image = vertical(size, *light.sky)
    image = _sun_and_clouds(chance, image, light)
    canvas = Canvas(image, lambda point: point)
    horizon, x = image.height * HORIZON, 0.0
    while x < image.width:  # the skyline
        width, height = chance.uniform(50, 130), chance.uniform(50, 250)
        colour = mix((96, 110, 130), light.sky[1], chance.uniform(0.45, 0.7))
        canvas.polygon(_block(x, horizon - height, x + width, horizon), colour, mix(colour, light.sky[1], 0.4))
        x += width * chance.uniform(0.8, 1.2)
    _ground(chance, canvas, light)
    _houses(chance, canvas, light)
    _trees(chance, canvas, light)
    _signs(chance, canvas)
    return canvas.image


def _sun_and_clouds(chance: random.Random, image: Image.Image, light: Light) -> Image.Image:
    width, horizon = image.width, image.height * HORIZON
    clouds = Image.new("L", image.size)
    draw = ImageDraw.Draw(clouds)
    for _ in range(chance.randint(3, 7)):
        x, y, reach = chance.uniform(0, width), chance.uniform(0, horizon * 0.7), chance.uniform(60, 190)
        for _ in range(6):
            dx, dy = chance.uniform(-reach, reach), chance.uniform(-14, 14)
            draw.ellipse(
                (x + dx - reach / 2, y + dy - 16, x + dx + reach / 2, y + dy + 16), fill=chance.randint(60, 150)
            )
    image = Image.composite(Image.new("RGB", image.size, (250, 250, 250)), image, soft(clouds, 14))
    sun = Image.new("L", image.size)
    x, y = chance.uniform(0, width), horizon * chance.uniform(0.2, 0.9)
    ImageDraw.Draw(sun).ellipse((x - 130, y - 130, x + 130, y + 130), fill=150)
    return lighten(image, light.sun, soft(sun, 90))


def _houses(chance: random.Random, canvas: Canvas, light: Light) -> None:
    """Draw two rows of houses towards the vanishing point."""
    middle, horizon = canvas.image.width / 2, canvas.image.height * HORIZON
    for side in (-1, 1):
        near = 1.16
        while near > 0.24:
            far = near * chance.uniform(0.66, 0.78)
            wall, height = chance.choice(_WALLS), chance.uniform(780, 1180)
            wall = mix(wall, (20, 24, 40), light.shade + 0.1 * (side > 0))
            _house(chance, canvas, (middle, horizon, side, near, far, height), wall, light)
            near = far


def _house(
    chance: random.Random, canvas: Canvas, at: tuple[float, float, int, float, float, float], wall: Colour, light: Light
) -> None:
    middle, horizon, side, near, far, height = at

    def corner(depth: float, up: float) -> tuple[float, float]:
        return middle + side * depth * middle, horizon - depth * (height * up - FOOT)

    outline = [corner(near, 1), corner(far, 1), corner(far, 0), corner(near, 0)]
    canvas.polygon(outline, mix(wall, (255, 255, 255), 0.12), mix(wall, (0, 0, 0), 0.2))
    floors, columns = max(4, round(height / 150)), chance.randint(3, 5)
    for floor in range(1, floors):
        for column in range(columns):
            a, b = (near + (far - near) * (column + part) / columns for part in (0.22, 0.78))
            low, high = (floor + 0.2) / floors, (floor + 0.72) / floors
            lit = chance.random() < light.lamps
            glass = (255, 214, 138) if lit else mix((62, 78, 98), light.sky[1], chance.uniform(0.05, 0.4))
            canvas.polygon([corner(a, high), corner(b, high), corner(b, low), corner(a, low)], glass)
    shop = mix(chance.choice(((150, 44, 40), (32, 92, 78), (196, 148, 58), (52, 62, 110))), (0, 0, 0), light.shade)
    canvas.polygon([corner(near, 0.16), corner(far, 0.16), corner(far, 0.11), corner(near, 0.11)], shop)


def _ground(chance: random.Random, canvas: Canvas, light: Light) -> None:
    width, height = canvas.image.size
    middle, horizon, black = width / 2, height * HORIZON, (0, 0, 0)
    far, near = mix((176, 172, 166), black, light.shade), mix((148, 144, 138), black, light.shade)
    canvas.polygon(_block(0, horizon, width, height), far, near)
    road_far, road_near = mix((120, 122, 126), black, light.shade), mix((72, 74, 78), black, light.shade)
    canvas.polygon(
        [(middle - 12, horizon), (middle + 12, horizon), (width * 1.3, height), (-width * 0.3, height)],
        road_far,
        road_near,
    )
    for side in (-1, 1):
        edge = [(middle + side * 12, horizon), (middle + side * 15, horizon)]
        kerb = [*edge, (middle + side * width * 0.83, height), (middle + side * width * 0.80, height)]
        canvas.polygon(kerb, mix((206, 204, 198), black, light.shade))
    _lanes(chance, canvas, mix((232, 232, 226), black, light.shade))
    noise = np.random.default_rng(chance.getrandbits(32)).normal(0, 5, (height - round(horizon), width, 1))
    ground = np.asarray(canvas.image.crop((0, round(horizon), width, height)), float) + noise
    canvas.image.paste(Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8)), (0, round(horizon)))


def _lanes(chance: random.Random, canvas: Canvas, paint: Colour) -> None:
    width, height = canvas.image.size
    middle, horizon = width / 2, height * HORIZON
    start = chance.random()
    for lane in (-0.36, 0.36):
        for stripe in range(12):
            depths = [1 / (0.75 + 0.5 * (stripe + start + part)) for part in (0.0, 0.5)]
            quad = [
                (middle + lane * width * depth + shift * depth, horizon + (height - horizon) * depth)
                for depth, shift in ((depths[0], -9), (depths[0], 9), (depths[1], 9), (depths[1], -9))
            ]
            canvas.polygon(quad, paint)


def _trees(chance: random.Random, canvas: Canvas, light: Light) -> None:
    middle, horizon = canvas.image.width / 2, canvas.image.height * HORIZON
    for side in (-1, 1):
        for depth in (0.32, 0.46, 0.68):
            x, foot = middle + side * (depth * 1.06 + chance.uniform(-0.02, 0.02)) * middle, horizon + depth * 640
            top, reach = horizon - depth * chance.uniform(240, 330), depth * chance.uniform(120, 170)
            canvas.polygon(_block(x - 9 * depth, top, x + 9 * depth, foot), (84, 66, 52), (56, 44, 36))
            green = mix(chance.choice(((70, 108, 58), (92, 124, 62), (58, 96, 70))), (16, 20, 30), light.shade)
            for _ in range(34):
                dx, dy, r = (
                    chance.gauss(0, reach * 0.5),
                    chance.gauss(0, reach * 0.42),
                    reach * chance.uniform(0.18, 0.36),
                )
                leaf = mix(green, (214, 224, 150), max(0.0, 0.22 - dy / reach * 0.25) * chance.random())
                canvas.ellipse((x + dx - r, top + dy - r), (x + dx + r, top + dy + r), leaf, mix(leaf, (0, 0, 0), 0.25))


def _signs(chance: random.Random, canvas: Canvas) -> None:
    """Draw a blue traffic sign in some streets, which a weak model takes for a plate."""
    if chance.random() < 0.5:
        return
    side, horizon = chance.choice((-1, 1)), canvas.image.height * HORIZON
    x = canvas.image.width * (0.5 + side * chance.uniform(0.33, 0.42))
    canvas.polygon(_block(x - 5, horizon - 170, x + 5, horizon + 260), (150, 154, 158), (96, 100, 104))
    canvas.rounded((x - 74, horizon - 190), (x + 74, horizon - 110), 10, (244, 246, 248))
    canvas.rounded((x - 69, horizon - 185), (x + 69, horizon - 115), 8, (30, 84, 176))
    for y, reach in ((-168, 50), (-150, 36), (-132, 46)):
        canvas.line([(x - reach, horizon + y), (x + reach - 12, horizon + y)], (238, 242, 246), 6)


def _block(x1: float, y1: float, x2: float, y2: float) -> list[tuple[float, float]]:
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
