"""Flattens a plate for the network that reads it, in training and in use alike."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .geometry import Corners, flatten

HEIGHT, WIDTH = 32, 160  #: pixels of a flattened plate
MARGINS = np.array((1.06, 1.16))  #: by which a plate's sides are stretched, so that its edges are seen


def flat_plate(picture: Image.Image, corners: Corners) -> NDArray[np.float32]:
    """Return the grey quadrilateral between the corners, HEIGHT by WIDTH, reduced without aliasing."""
    wide = float(np.linalg.norm(corners[1] - corners[0]))
    factor = max(1, int(wide / WIDTH))
    if factor > 1:
        low = np.floor(corners.min(axis=0)).astype(int) - factor
        high = np.ceil(corners.max(axis=0)).astype(int) + factor
        picture = picture.crop((int(low[0]), int(low[1]), int(high[0]), int(high[1]))).reduce(factor)
        corners = (corners - low) / factor
    return np.asarray(flatten(picture.convert("L"), corners, (WIDTH, HEIGHT)), np.float32)


def normalised(plate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the plate with a mean of 0 and a deviation of 1."""
    result: NDArray[np.float32] = (plate - plate.mean()) / (plate.std() + 2.0)
    return result
