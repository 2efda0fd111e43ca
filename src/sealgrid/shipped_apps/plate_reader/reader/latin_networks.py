"""Runs the networks for Latin plates: one finds corners, one reads the plate flattened between them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .detector import Detection, distinct_boxes
from .flat_plate import MARGINS, flat_plate, normalised
from .geometry import Corners
from .onnx_session import open_session

MAX_SIDE = 480  #: pixels; larger pictures are reduced to find plates
MIN_SCORE, MIN_CLOSE_SCORE = 0.3, 0.4  #: in the whole picture, and in the part around a plate
MAX_PLATES = 20
_SIDE_MULTIPLE = 16
_STRIDE, _CORNER_UNIT = 8, 32.0  #: of the finder's training
_CLOSE_SIZE = (256, 192)  #: pixels of the part around a plate, in which its corners are found again
_CLOSE_SHARE = 0.42  #: of that part's width which the plate takes

Floats = NDArray[np.float64]


class PlateFinder:
    """Finds plates in a picture: roughly in the whole of it, then exactly in the part around each."""

    def __init__(self, model: bytes) -> None:
        self._session = open_session(model)
        if {output.name for output in self._session.get_outputs()} != {"scores", "corners"}:
            raise ValueError("the network lacks the outputs of a finder of plates")

    def find(self, picture: Image.Image) -> list[Detection]:
        """Return the plates of an RGB picture, the highest score first."""
        scale = min(1.0, MAX_SIDE / max(picture.size))
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        small = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0) if scale < 1 else picture
        rough = [found for found in self._peaks(small) if found.score >= MIN_SCORE][:MAX_PLATES]
        close = [self._look_close(picture, found.corners / scale) for found in rough]
        plates = [found for found in close if found is not None]
        if not plates:
            return []
        boxes, scores = np.array([found.box for found in plates]), np.array([found.score for found in plates])
        return [plates[index] for index in distinct_boxes(boxes, scores)]

    def _look_close(self, picture: Image.Image, corners: Corners) -> Detection | None:
        """Return the plate near the corners with exact corners, or None if it is no plate seen closely."""
        low, high = corners.min(axis=0), corners.max(axis=0)
        wide = max(float((high - low)[0]) / _CLOSE_SHARE, float((high - low)[1]) / _CLOSE_SHARE, 16.0)
        size = np.array((wide, wide * _CLOSE_SIZE[1] / _CLOSE_SIZE[0]))
        start = (low + high - size) / 2
        box = (*np.floor(start).astype(int).tolist(), *np.ceil(start + size).astype(int).tolist())
        part = picture.crop(box).resize(_CLOSE_SIZE, Image.Resampling.BILINEAR, reducing_gap=2.0)
        scale = np.array((box[2] - box[0], box[3] - box[1])) / _CLOSE_SIZE
        middle = np.array(_CLOSE_SIZE) / 2
        near = [
            found
            for found in self._peaks(part)
            if found.score >= MIN_CLOSE_SCORE
            and (np.abs(found.corners.mean(axis=0) - middle) < middle * _CLOSE_SHARE).all()
        ]
        if not near:
            return None
        exact = near[0].corners * scale + box[:2]
        return Detection(near[0].score, np.concatenate((exact.min(axis=0), exact.max(axis=0))), exact)

    def _peaks(self, picture: Image.Image) -> list[Detection]:
        """Return a plate for each cell whose score no neighbour passes, the highest first."""
        sides = [-(-side // _SIDE_MULTIPLE) * _SIDE_MULTIPLE for side in (picture.height, picture.width)]
        pixels = np.full((*sides, 3), 0.5, np.float32)
        pixels[: picture.height, : picture.width] = np.asarray(picture, np.float32) / 255
        logits, offsets = self._session.run(["scores", "corners"], {"pictures": pixels.transpose(2, 0, 1)[None].copy()})
        scores = 1 / (1 + np.exp(-np.asarray(logits, float)[0, 0]))
        padded = np.pad(scores, 1)
        around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max(axis=(2, 3))
        rows, columns = np.nonzero((scores >= around) & (scores > min(MIN_SCORE, MIN_CLOSE_SCORE)))
        peaks = []
        for row, column in zip(rows, columns, strict=True):
            middle = (np.array((column, row)) + 0.5) * _STRIDE
            corners = np.asarray(offsets, float)[0, :, row, column].reshape(4, 2) * _CORNER_UNIT + middle
            box = np.concatenate((corners.min(axis=0), corners.max(axis=0)))
            peaks.append(Detection(float(scores[row, column]), box, corners))
        return sorted(peaks, key=lambda found: -found.score)


class PlateTextReader:
    """Reads flattened plates."""

    def __init__(self, model: bytes, characters: int) -> None:
        self._session = open_session(model)
        if self._session.get_outputs()[0].shape[-1] != 1 + characters:
            raise ValueError("the network and the list of labels have different numbers of characters")

    def read(self, picture: Image.Image, corners: Corners) -> Floats:
        """Return the probability of blank and of each label in each column of the plate between the corners."""
        middle = corners.mean(axis=0)
        plate = normalised(flat_plate(picture, middle + (corners - middle) * MARGINS))
        (output,) = self._session.run(None, {"plates": plate[None, None]})
        logits = np.asarray(output, float)[0]
        chances: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        return chances
