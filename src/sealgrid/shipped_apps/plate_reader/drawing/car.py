"""A car from the front or the rear, drawn flat in millimetres: x from its middle, y up from the road."""

import random
from dataclasses import dataclass

from PIL import Image

from .paint import Canvas, Colour, Point, mix
from .plate import HEIGHT_MM, WIDTH_MM

SCALE = 0.9  #: pixels per mm
HALF_MM, HIGH_MM = 1060, 1480  #: half the width, and the height, of the canvas
CHINESE_MM = (WIDTH_MM, HEIGHT_MM)
_MOUNT_MM = 452  #: height of the plate's middle above the road

_PAINTS: tuple[Colour, ...] = (
    (176, 32, 36),
    (235, 236, 238),
    (46, 50, 58),
    (150, 156, 164),
    (24, 84, 128),
    (196, 150, 52),
    (28, 92, 74),
    (92, 42, 60),
)
_BLACK, _CHROME, _RUBBER = (14, 15, 18), (196, 200, 206), (26, 27, 30)
_OUTLINE: tuple[Point, ...] = (
    (0, 215),
    (640, 215),
    (868, 240),
    (915, 340),
    (922, 560),
    (905, 720),
    (862, 838),
    (770, 898),
    (655, 935),
    (560, 1300),
    (515, 1380),
    (440, 1418),
    (0, 1436),
)
_GLASS: tuple[Point, ...] = ((0, 948), (600, 946), (505, 1290), (465, 1345), (410, 1372), (0, 1386))
_HOOD: tuple[Point, ...] = ((0, 936), (640, 926), (800, 866), (846, 800), (600, 716), (0, 704))


@dataclass(frozen=True)
class Car:
    """A drawn car on a transparent background."""

    image: Image.Image
    is_front: bool


def to_pixels(point: Point) -> Point:
    """Convert a point in millimetres to pixels of the canvas."""
    return (point[0] + HALF_MM) * SCALE, (HIGH_MM - point[1]) * SCALE


def plate_corner(size_mm: tuple[int, int]) -> Point:
    """Return the top left corner of a plate of a width and height in millimetres."""
    return -size_mm[0] / 2, _MOUNT_MM + size_mm[1] / 2


def draw_car(chance: random.Random, plate: Image.Image | None, size_mm: tuple[int, int] = CHINESE_MM) -> Car:
    """Return a random car with a plate of the size; its mount is empty if there is no plate."""
    size = (round(2 * HALF_MM * SCALE), round(HIGH_MM * SCALE))
    image = Image.new("RGBA", size)
    is_front, paint = chance.random() < 0.6, chance.choice(_PAINTS)
    canvas = Canvas(image, to_pixels)
    _body(canvas, paint, is_front=is_front)
    (_front if is_front else _rear)(canvas, paint)
    _bumper(canvas, paint)
    left, top = plate_corner(size_mm)
    canvas.rounded((left - 12, top + 12), (-left + 12, top - size_mm[1] - 12), 10, (20, 21, 24), (34, 36, 40))
    if plate is not None:
        small = plate.resize((round(size_mm[0] * SCALE), round(size_mm[1] * SCALE)), Image.Resampling.LANCZOS)
        x, y = to_pixels((left, top))
        image.paste(small, (round(x), round(y)), small)
    return Car(image, is_front)


def both(points: tuple[Point, ...]) -> list[Point]:
    """Return a figure and its mirror image as one outline."""
    return [*points, *((-x, y) for x, y in reversed(points))]


def _sides(canvas: Canvas, points: tuple[Point, ...], top: Colour, bottom: Colour | None = None) -> None:
    canvas.polygon(points, top, bottom)
    canvas.polygon([(-x, y) for x, y in points], top, bottom)


def _discs(canvas: Canvas, centre: Point, radii: Point, top: Colour, bottom: Colour | None = None) -> None:
    for x in (centre[0], -centre[0]):
        low, high = (x - radii[0], centre[1] - radii[1]), (x + radii[0], centre[1] + radii[1])
        canvas.ellipse(low, high, top, bottom)


def _body(canvas: Canvas, paint: Colour, *, is_front: bool) -> None:
    """Draw wheels, mirrors, body and windows."""
    for side in (-1, 1):
        canvas.rounded((side * 880, 0), (side * 660, 420), 26, _RUBBER, _BLACK)
        canvas.rounded((side * 842, 4), (side * 832, 300), 4, (58, 60, 64))
        canvas.line([(side * 640, 985), (side * 780, 1010)], _BLACK, 14)
    _discs(canvas, (820, 1030), (112, 66), mix(paint, (255, 255, 255), 0.3), mix(paint, _BLACK, 0.35))
    canvas.polygon(both(_OUTLINE), mix(paint, (255, 255, 255), 0.22), mix(paint, _BLACK, 0.45))
    canvas.polygon(both(((0, 1436), (440, 1418), (500, 1392), (0, 1406))), mix(paint, (255, 255, 255), 0.55), paint)
    canvas.polygon(both(_GLASS), (92, 122, 146), (20, 28, 36))
    for x in (-265, 265):  # seats, behind the reflection
        canvas.rounded((x - 92, 948), (x + 92, 1175), 30, (36, 44, 52), (16, 20, 26))
        canvas.rounded((x - 54, 1160), (x + 54, 1262), 20, (34, 42, 50), (22, 28, 34))
    canvas.polygon(((-420, 1366), (-250, 1378), (-420, 950), (-575, 950)), (128, 158, 180), (44, 58, 70))
    canvas.polygon(((-205, 1380), (-150, 1382), (-315, 950), (-375, 950)), (118, 148, 170), (38, 50, 62))
    if is_front:
        canvas.rounded((-62, 1300), (62, 1348), 8, (16, 18, 22))
        for x in (-30, 430):
            canvas.line([(x, 950), (x - 420, 990)], _BLACK, 7)


def _front(canvas: Canvas, paint: Colour) -> None:
    canvas.polygon(both(_HOOD), mix(paint, (255, 255, 255), 0.42), mix(paint, _BLACK, 0.06))
    for x in (-1, 1):
        canvas.line([(x * 470, 924), (x * 400, 722)], mix(paint, _BLACK, 0.3), 4)
    canvas.polygon(both(((0, 692), (475, 684), (505, 640), (440, 556), (0, 548))), (40, 42, 46), _BLACK)
    for y in (575, 605, 635, 665):
        canvas.line([(-468 + abs(640 - y) * 0.4, y), (468 - abs(640 - y) * 0.4, y)], (104, 108, 114), 5)
    _seal(canvas, (0, 632))
    _sides(canvas, ((540, 690), (846, 752), (884, 690), (866, 626), (600, 602)), (214, 224, 232), (96, 106, 116))
    _discs(canvas, (660, 660), (50, 46), (255, 255, 250), (176, 190, 204))
    _discs(canvas, (790, 682), (46, 44), (255, 255, 250), (176, 190, 204))
    _sides(canvas, ((600, 606), (864, 632), (864, 620), (600, 592)), (255, 252, 240))


def _rear(canvas: Canvas, paint: Colour) -> None:
    canvas.polygon(
        both((*_HOOD[:3], (780, 610), (0, 604))), mix(paint, (255, 255, 255), 0.28), mix(paint, _BLACK, 0.12)
    )
    canvas.line([(-790, 606), (790, 606)], mix(paint, _BLACK, 0.5), 6)
    _sides(canvas, ((480, 800), (846, 822), (888, 740), (884, 660), (560, 676)), (214, 34, 40), (116, 8, 18))
    _sides(canvas, ((600, 726), (874, 742), (878, 708), (600, 700)), (255, 190, 168), (240, 110, 96))
    _discs(canvas, (790, 775), (34, 26), (255, 214, 200), (240, 120, 110))
    canvas.rounded((-480, 700), (480, 724), 6, _CHROME, (120, 124, 130))
    _seal(canvas, (0, 790))


def _bumper(canvas: Canvas, paint: Colour) -> None:
    canvas.line([(-905, 520), (-560, 535)], mix(paint, _BLACK, 0.4), 5)
    canvas.line([(905, 520), (560, 535)], mix(paint, _BLACK, 0.4), 5)
    canvas.polygon(both(((0, 352), (560, 352), (640, 318), (600, 246), (0, 240))), (38, 40, 44), _BLACK)
    for y in (270, 296, 322):
        canvas.line([(-560, y), (560, y)], (62, 65, 70), 4)
    _discs(canvas, (756, 356), (58, 40), (34, 36, 40))
    _discs(canvas, (756, 356), (38, 27), (238, 240, 232), (150, 154, 156))
    canvas.line([(-880, 246), (-640, 222), (640, 222), (880, 246)], _RUBBER, 12)


def _seal(canvas: Canvas, centre: Point) -> None:
    """Draw the maker's badge: a ring, which is no trade mark."""
    x, y = centre
    canvas.ellipse((x - 46, y - 46), (x + 46, y + 46), (240, 242, 244), (140, 144, 150))
    canvas.ellipse((x - 34, y - 34), (x + 34, y + 34), (30, 32, 36))
    canvas.ellipse((x - 14, y - 14), (x + 14, y + 14), (240, 242, 244), (150, 154, 160))
