"""Finds plates: a RetinaFace-style network returns a score, a box and four corners for each prior box."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .geometry import Corners, overlap
from .onnx_session import open_session

#: constants of the network's training
_STRIDES = (8, 16, 32)  #: pixels between the priors of one level
_SIZES = ((24, 48), (96, 192), (384, 768))  #: sides of each level's square priors, pixels
_CENTRE, _SCALE = 0.1, 0.2  #: variances of the offsets
_MEAN = np.array((104, 117, 123), np.float32)  #: blue, green, red

MAX_SIDE = 1280  #: pixels; larger pictures are reduced
MIN_SCORE = 0.6
MAX_OVERLAP = 0.4
MAX_PLATES = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """One plate in a picture; coordinates are the picture's own pixels."""

    score: float
    box: Floats  #: x1, y1, x2, y2
    corners: Corners = field(repr=False)


class Detector:
    """Finds plates in a picture."""

    def __init__(self, model: bytes) -> None:
        self._session = open_session(model)
        if not {"loc", "conf", "landms"} <= {output.name for output in self._session.get_outputs()}:
            raise ValueError("the network lacks the outputs of a plate detector")

    def find(self, picture: Image.Image) -> list[Detection]:
        """Return the plates of an RGB picture, the highest score first."""
        scale = min(1.0, MAX_SIDE / max(picture.size))
        small = picture.resize((round(picture.width * scale), round(picture.height * scale))) if scale < 1 else picture
        pixels = np.asarray(small, np.float32)[:, :, ::-1] - _MEAN
        outputs = self._session.run(["loc", "conf", "landms"], {"image": pixels.transpose(2, 0, 1)[None].copy()})
        offsets, scores, corner_offsets = (np.asarray(output, float)[0] for output in outputs)
        likely = np.flatnonzero(scores[:, 1] > MIN_SCORE)
        scores, offsets, corner_offsets = scores[likely, 1], offsets[likely], corner_offsets[likely].reshape(-1, 4, 2)
        priors = prior_boxes(*small.size)[likely]
        positions, sides = priors[:, :2], priors[:, 2:]
        centres = positions + offsets[:, :2] * _CENTRE * sides
        half = sides * np.exp(offsets[:, 2:] * _SCALE) / 2
        boxes = np.concatenate((centres - half, centres + half), axis=1) / scale
        points = positions[:, None] + corner_offsets * _CENTRE * sides[:, None]
        corners = points[:, [2, 3, 0, 1]] / scale  # the network returns the bottom right corner first, then clockwise
        selected = distinct_boxes(boxes, scores)
        return [Detection(float(scores[k]), boxes[k], corners[k]) for k in selected[:MAX_PLATES]]


def prior_boxes(width: int, height: int) -> Floats:
    """Return the (n, 3) centres and sides of the priors of a picture, in the order of the network's outputs."""
    levels = []
    for stride, sizes in zip(_STRIDES, _SIZES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x, side = np.meshgrid(np.arange(rows) + 0.5, np.arange(columns) + 0.5, sizes, indexing="ij")
        levels.append(np.stack((x * stride, y * stride, side), axis=-1).reshape(-1, 3))
    return np.concatenate(levels)


def distinct_boxes(boxes: Floats, scores: Floats) -> list[int]:
    """Return the indices of the boxes that non-maximum suppression keeps, the highest score first."""
    waiting, selected = list(np.argsort(-scores, kind="stable")), []
    while waiting:
        best = waiting.pop(0)
        selected.append(int(best))
        if waiting:
            hidden = overlap(boxes[best], boxes[waiting]) > MAX_OVERLAP
            waiting = [index for index, is_hidden in zip(waiting, hidden, strict=True) if not is_hidden]
    return selected
