"""Boxes, and four-sided figures seen in perspective."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Corners = NDArray[np.float64]  #: (4, 2): top left, top right, bottom right, bottom left; pixels


def homography(source: Corners, target: Corners) -> NDArray[np.float64]:
    """Return the 3x3 matrix that takes the four source points to the four target points."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solved = np.linalg.solve(np.array(rows, float), np.asarray(target, float).reshape(8))
    return np.append(solved, 1.0).reshape(3, 3)


def rectangle(width: float, height: float) -> Corners:
    """Return the corners of an upright rectangle at the origin."""
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], float)


def flatten(picture: Image.Image, corners: Corners, size: tuple[int, int]) -> Image.Image:
    """Return what lies between the corners, as an upright picture of the size."""
    # Pillow asks where each pixel of the result comes from.
    matrix = homography(rectangle(*size), corners)
    return picture.transform(
        size, Image.Transform.PERSPECTIVE, matrix.reshape(9)[:8].tolist(), Image.Resampling.BICUBIC
    )


def overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return intersection over union of one box (x1, y1, x2, y2) with each of the others."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = _product(high - low)
    together: NDArray[np.float64] = _area(box[None]) + _area(others) - shared
    return shared / together


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return _product(boxes[:, 2:] - boxes[:, :2])


def _product(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = np.clip(sides, 0, None).prod(axis=1)
    return product
