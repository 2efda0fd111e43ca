"""Reads TIFF files of decimal samples that Pillow does not: 16, 32 or 64 bits, grey or RGB (TIFF 6.0, note 3).

Strips without compression or with deflate, with or without the predictor for decimals, as editors write them.
"""

import io
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _OFFSETS, _SAMPLES, _COUNTS = 256, 257, 258, 259, 273, 277, 279
_PLANAR, _PREDICTOR, _SAMPLE_FORMAT = 284, 317, 339
_DECIMAL = 3  #: value of the sample format, and of the predictor for it
_UNCOMPRESSED, _DEFLATE = 1, (8, 32946)
_HEADER = 8  #: bytes


def read_float_tiff(content: bytes, max_pixels: int) -> NDArray[Any] | None:
    """Return the (height, width, samples) array of a TIFF of decimal samples; None for any other file.

    Raises ValueError or zlib.error for a damaged file, and ValueError for no pixels or more than ``max_pixels``. Of the
    strips it decompresses no more than the stated size.
    """
    file = io.BytesIO(content)
    tags = ImageFileDirectory_v2(file.read(_HEADER))
    file.seek(tags.next)
    tags.load(file)
    samples, bits = int(tags.get(_SAMPLES, 1)), set(tags.get(_BITS, (1,)))
    compression, predictor = tags.get(_COMPRESSION, 1), tags.get(_PREDICTOR, 1)
    decimal = set(tags.get(_SAMPLE_FORMAT, (1,))) == {_DECIMAL} and bits in ({16}, {32}, {64}) and samples in {1, 3, 4}
    simple = tags.get(_PLANAR, 1) == 1 and _OFFSETS in tags and predictor in {1, _DECIMAL}
    if not decimal or not simple or compression not in {_UNCOMPRESSED, *_DEFLATE}:
        return None
    width, height, size = int(tags[_WIDTH]), int(tags[_HEIGHT]), bits.pop() // 8
    if not 0 < width * height <= max_pixels:
        raise ValueError("no pixels or too many")
    strips = (content[start : start + count] for start, count in zip(tags[_OFFSETS], tags[_COUNTS], strict=True))
    rows = _joined(strips, width * height * samples * size, compressed=compression in _DEFLATE)
    order = ">" if content[:2] == b"MM" else "<"
    if predictor == _DECIMAL:
        rows, order = _undo_predictor(rows, height, samples, size), ">"
    return np.frombuffer(rows, f"{order}f{size}", width * height * samples).reshape(height, width, samples)


def _joined(strips: Iterable[bytes], size: int, *, compressed: bool) -> bytes:
    """Return the first ``size`` bytes of the strips together; raise ValueError if they have fewer."""
    rows = bytearray()
    for strip in strips:
        missing = size - len(rows)
        if missing == 0:  # decompress() takes 0 as no limit
            break
        rows += zlib.decompressobj().decompress(strip, missing) if compressed else strip[:missing]
    if len(rows) < size:
        raise ValueError("truncated")
    return bytes(rows)


def _undo_predictor(rows: bytes, height: int, samples: int, size: int) -> bytes:
    """Add up the differences of neighbouring bytes, and join each sample's bytes, which the predictor put apart."""
    differences = np.frombuffer(rows, np.uint8).reshape(height, -1, samples)
    planes = np.cumsum(differences, axis=1, dtype=np.uint8).reshape(height, size, -1)
    return planes.transpose(0, 2, 1).tobytes()
