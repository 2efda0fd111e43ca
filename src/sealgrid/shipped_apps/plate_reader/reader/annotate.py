"""Draws boxes and texts of plates onto the picture."""

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

FRAME, PAPER, INK = (255, 196, 0), (255, 196, 0), (20, 24, 30)
_GAP = 6  #: pixels between the plate and its frame


def annotate(picture: Image.Image, plates: Sequence[dict[str, Any]]) -> bytes:
    """Return the picture as PNG with a frame around every plate and its text above.

    Pillow's own font has no signs of China's provinces, and a bundle with a font of its own would be twenty times its
    size; the label shows the Latin part, result.json the whole.
    """
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    size = max(16, picture.height // 26)
    for plate in plates:
        left, top, right, bottom = plate["box"]
        box = (left - _GAP, top - _GAP, right + _GAP, bottom + _GAP)
        draw.rounded_rectangle(box, radius=_GAP, outline=FRAME, width=max(3, picture.height // 200))
        _label(draw, (box[0], box[1]), _latin(plate["text"]), ImageFont.load_default(size))
    target = io.BytesIO()
    drawn.save(target, "PNG")
    return target.getvalue()


def _latin(text: str) -> str:
    return "".join(sign for sign in text if sign.isascii())


def _label(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, font: Any) -> None:
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    wide, high = right - left + 4 * _GAP, bottom - top + 3 * _GAP
    x, y = max(0, corner[0]), max(0, corner[1] - high - 2)
    draw.rounded_rectangle((x, y, x + wide, y + high), radius=_GAP, fill=PAPER)
    draw.text((x + 2 * _GAP - left, y + 1.5 * _GAP - top), text, fill=INK, font=font)
