"""Find plates: a RetinaFace-style network gives, for each of many prior boxes, a score, a box and four corners."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .geometry import Corners, overlap
from .onnx_session import open_session

#: what the network was trained with; see README.md, "The model"
_STRIDES = (8, 16, 32)  #: pixels between the priors of one level
_SIZES = ((24, 48), (96, 192), (384, 768))  #: sides of each level's square priors, pixels
_CENTRE, _SCALE = 0.1, 0.2  #: variances that the offsets are measured in
_MEAN = np.array((104, 117, 123), np.float32)  #: blue, green, red

LONGEST_SIDE = 1280  #: pixels; larger pictures are looked at smaller
LEAST_SCORE = 0.6
MOST_OVERLAP = 0.4
MOST_PLATES = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """One plate in a picture; coordinates are the picture's own pixels."""

    score: float
    box: Floats  #: x1, y1, x2, y2
    corners: Corners = field(repr=False)


class Detector:
    """Where are plates?"""

    def __init__(self, model: bytes) -> None:
        self._session = open_session(model)
        if not {"loc", "conf", "landms"} <= {output.name for output in self._session.get_outputs()}:
            raise ValueError("the network has not the outputs of a plate detector")

    def find(self, picture: Image.Image) -> list[Detection]:
        """Return the plates of an RGB picture, the surest first."""
        scale = min(1.0, LONGEST_SIDE / max(picture.size))
        small = picture.resize((round(picture.width * scale), round(picture.height * scale))) if scale < 1 else picture
        offsets, scores, corner_offsets = self._run(small)
        likely = np.flatnonzero(scores > LEAST_SCORE)
        priors = prior_boxes(*small.size)[likely]
        boxes = _boxes(priors, offsets[likely]) / scale
        corners = _corners(priors, corner_offsets[likely]) / scale
        selected = _distinct(boxes, scores[likely])
        return [Detection(float(scores[likely[k]]), boxes[k], corners[k]) for k in selected[:MOST_PLATES]]

    def _run(self, picture: Image.Image) -> tuple[Floats, Floats, Floats]:
        pixels = np.asarray(picture, np.float32)[:, :, ::-1] - _MEAN
        outputs = self._session.run(["loc", "conf", "landms"], {"image": pixels.transpose(2, 0, 1)[None].copy()})
        offsets, scores, corners = (np.asarray(output, float)[0] for output in outputs)
        return offsets, scores[:, 1], corners


def prior_boxes(width: int, height: int) -> Floats:
    """Return the (n, 3) centres and sides of the priors of a picture, in the order of the network's outputs."""
    levels = []
    for stride, sizes in zip(_STRIDES, _SIZES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x, side = np.meshgrid(np.arange(rows) + 0.5, np.arange(columns) + 0.5, sizes, indexing="ij")
        levels.append(np.stack((x * stride, y * stride, side), axis=-1).reshape(-1, 3))
    return np.concatenate(levels)


def _boxes(priors: Floats, offsets: Floats) -> Floats:
    sides = priors[:, 2:]
    centres = priors[:, :2] + offsets[:, :2] * _CENTRE * sides
    half = sides * np.exp(offsets[:, 2:] * _SCALE) / 2
    return np.concatenate((centres - half, centres + half), axis=1)


def _corners(priors: Floats, offsets: Floats) -> Floats:
    points = priors[:, None, :2] + offsets.reshape(-1, 4, 2) * _CENTRE * priors[:, None, 2:]
    return points[:, [2, 3, 0, 1]]  # the network returns the bottom right corner first, then clockwise


def _distinct(boxes: Floats, scores: Floats) -> list[int]:
    """Return the indices of boxes that stay when each hides those that overlap it much (non-maximum suppression)."""
    waiting, selected = list(np.argsort(-scores, kind="stable")), []
    while waiting:
        best = waiting.pop(0)
        selected.append(int(best))
        if waiting:
            hidden = overlap(boxes[best], boxes[waiting]) > MOST_OVERLAP
            waiting = [index for index, gone in zip(waiting, hidden, strict=True) if not gone]
    return selected
