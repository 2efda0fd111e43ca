"""TIFF of decimal samples in colour, as editors write it."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from sealgrid.shipped_apps.plate_reader.reader.float_tiff import read_float_tiff
from sealgrid.shipped_apps.plate_reader.reader.picture import NoPicture, open_picture

WIDTH, HEIGHT = 96, 64
COLOURS = np.zeros((HEIGHT, WIDTH, 3), np.float32)
COLOURS[:, : WIDTH // 2, 0] = 1.0
COLOURS[:, WIDTH // 2 :, 2] = 0.5


def tiff(
    rows: bytes,
    *,
    compression: int = 1,
    predictor: int = 1,
    samples: int = 3,
    order: str = "<",
    width: int = WIDTH,
) -> bytes:
    """Write a TIFF of one strip of 32-bit decimals."""
    table_size = 2 + 11 * 12 + 4
    extra = 8 + table_size
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, HEIGHT),
        (258, 3, samples, extra),
        (259, 3, 1, compression),
        (262, 3, 1, 2),
        (273, 4, 1, extra + 4 * samples),
        (277, 3, 1, samples),
        (278, 4, 1, HEIGHT),
        (279, 4, 1, len(rows)),
        (317, 3, 1, predictor),
        (339, 3, samples, extra + 2 * samples),
    ]

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        short = kind == 3 and count == 1
        return struct.pack(f"{order}HHI", tag, kind, count) + struct.pack(
            f"{order}HH" if short else f"{order}I", *((value, 0) if short else (value,))
        )

    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    values = struct.pack(f"{order}{samples}H", *[32] * samples) + struct.pack(f"{order}{samples}H", *[3] * samples)
    return head + b"".join(entry(*each) for each in entries) + bytes(4) + values + rows


def predicted(samples: np.ndarray) -> bytes:
    """Put the bytes of each row's samples apart, the highest first, and keep the differences of neighbours."""
    planes = samples.astype(">f4").view(np.uint8).reshape(HEIGHT, -1, 4).transpose(0, 2, 1).reshape(HEIGHT, -1, 3)
    return np.diff(planes, axis=1, prepend=np.uint8(0)).tobytes()


@pytest.mark.parametrize(
    "content",
    [
        tiff(COLOURS.tobytes()),
        tiff(COLOURS.astype(">f4").tobytes(), order=">"),
        tiff(zlib.compress(COLOURS.tobytes()), compression=8),
        tiff(zlib.compress(predicted(COLOURS)), compression=8, predictor=3),
    ],
    ids=["plain", "big-endian", "deflate", "predictor"],
)
def test_decimals_in_colour_are_read(content):
    assert np.array_equal(read_float_tiff(content, 10**6), COLOURS)
    image = open_picture(content).image
    assert [image.getpixel((8, 8)), image.getpixel((88, 8))] == [(255, 0, 0), (0, 0, 128)]


def test_a_tiff_that_is_cut_short_or_too_large_is_refused():
    content = tiff(COLOURS.tobytes())
    with pytest.raises(NoPicture, match="cut short"):
        open_picture(content[:-99])
    with pytest.raises(ValueError, match="too many"):
        read_float_tiff(content, WIDTH * HEIGHT - 1)


def test_a_strip_that_expands_beyond_its_stated_size_is_decompressed_to_that_size():
    bomb = tiff(zlib.compress(COLOURS.tobytes() + bytes(64 << 20)), compression=8)
    tracemalloc.start()
    try:
        decimals = read_float_tiff(bomb, 10**6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(decimals, COLOURS)
    assert peak < 8 << 20


@pytest.mark.parametrize("width", [0, 2**32 - 1])
def test_a_tiff_without_pixels_or_with_too_many_is_a_damaged_picture(width):
    with pytest.raises(NoPicture, match="damaged"):
        open_picture(tiff(COLOURS.tobytes(), width=width))


def test_other_samples_are_not_its_business():
    assert read_float_tiff(tiff(COLOURS.tobytes(), compression=5), 10**6) is None
