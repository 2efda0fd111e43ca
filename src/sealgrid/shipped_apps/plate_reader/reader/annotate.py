"""Draws boxes and texts of plates onto the picture."""

import io
import math
from collections.abc import Sequence
from typing import Any

from PIL import ImageDraw, ImageFont

from .picture import Picture

FRAME, TEXT = (255, 196, 0), (20, 24, 30)
MAX_PIXELS = 12_000_000  #: of the drawn picture; a larger PNG could pass the limit of an app's output
_GAP = 6  #: pixels between the plate and its frame


def annotate(picture: Picture, plates: Sequence[dict[str, Any]]) -> bytes:
    """Return the picture as PNG, of 12 million pixels at most, with a frame around every plate and its text above.

    The label shows the Latin part: Pillow's own font lacks the characters of China's provinces, and a bundle with
    another font would be twenty times as large. result.json has the whole text.
    """
    factor = math.ceil(math.sqrt(picture.image.width * picture.image.height / MAX_PIXELS))
    drawn = picture.image.reduce(factor) if factor > 1 else picture.image.copy()
    draw = ImageDraw.Draw(drawn)
    font: Any = ImageFont.load_default(max(16, drawn.height // 26))
    for plate in plates:
        left, top, right, bottom = (round(side / picture.scale / factor) for side in plate["box"])
        box = (left - _GAP, top - _GAP, right + _GAP, bottom + _GAP)
        draw.rounded_rectangle(box, radius=_GAP, outline=FRAME, width=max(3, drawn.height // 200))
        label = "".join(character for character in plate["text"] if character.isascii())
        x1, y1, x2, y2 = draw.textbbox((0, 0), label, font=font)
        width, height = x2 - x1 + 4 * _GAP, y2 - y1 + 3 * _GAP
        x, y = max(0, box[0]), max(0, box[1] - height - 2)
        draw.rounded_rectangle((x, y, x + width, y + height), radius=_GAP, fill=FRAME)
        draw.text((x + 2 * _GAP - x1, y + 1.5 * _GAP - y1), label, fill=TEXT, font=font)
    target = io.BytesIO()
    drawn.save(target, "PNG")
    return target.getvalue()
