"""Overlap of boxes, and perspective transforms of quadrilaterals."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Corners = NDArray[np.float64]  #: (4, 2): top left, top right, bottom right, bottom left; pixels


def homography(source: Corners, target: Corners) -> NDArray[np.float64]:
    """Return the 3x3 matrix that maps the four source points to the four target points."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solved = np.linalg.solve(np.array(rows, float), np.asarray(target, float).reshape(8))
    return np.append(solved, 1.0).reshape(3, 3)


def rectangle(width: float, height: float) -> Corners:
    """Return the corners of an upright rectangle at the origin."""
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], float)


def flatten(picture: Image.Image, corners: Corners, size: tuple[int, int]) -> Image.Image:
    """Return the quadrilateral between the corners as an upright picture of the size."""
    # Pillow needs the inverse: for each pixel of the result its place in the picture.
    matrix = homography(rectangle(*size), corners)
    return picture.transform(
        size, Image.Transform.PERSPECTIVE, matrix.reshape(9)[:8].tolist(), Image.Resampling.BICUBIC
    )


def overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return intersection over union of one box (x1, y1, x2, y2) with each of the others."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = _area(low, high)
    union: NDArray[np.float64] = _area(box[None, :2], box[None, 2:]) + _area(others[:, :2], others[:, 2:]) - shared
    return shared / union


def _area(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=1)
    return area
