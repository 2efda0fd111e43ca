"""Reads the plates of a picture. Results are coarse so that all machines agree."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .detector import Detector
from .geometry import flatten
from .model_file import NoModel, open_model
from .picture import Picture, open_picture
from .recogniser import HEIGHT, Recogniser

GRID = 4  #: pixels; resolution of the boxes
MIN_CHARACTERS = 6
NO_PLATE = "no plate"

_WIDTH = 256  #: pixels of a flattened plate, HEIGHT high; the recogniser is most accurate at this stretch
_MARGIN = 0.03  #: of a plate's sides, added on each side
_LEVELS = ((0.9, "high"), (0.7, "medium"), (0.0, "low"))


class PlateReader:
    """A loaded model."""

    def __init__(self, model: bytes) -> None:
        parts = open_model(model)
        try:
            self._detector = Detector(parts.detector)
            self._recogniser = Recogniser(parts.recogniser, parts.labels)
        except Exception as error:  # onnxruntime has no error class of its own
            raise NoModel(f"the dataset's networks cannot be loaded ({type(error).__name__}).") from error

    def read(self, picture: Picture) -> dict[str, Any]:
        """Return ``{"plates": [{"text", "box", "confidence"}]}``, from left to right, or a message; and notes.

        Boxes are in pixels of the picture's file, upright.
        """
        image, scale = picture.image, picture.scale
        limits = [round(side * scale) for side in (*image.size, *image.size)]
        plates: list[dict[str, Any]] = []
        for found in self._detector.find(image):
            centre: NDArray[np.float64] = np.mean(found.corners, axis=0)
            corners = centre + (found.corners - centre) * (1 + 2 * _MARGIN)
            read = self._recogniser.read(flatten(image, corners, (_WIDTH, HEIGHT)))
            if len(read.text) < MIN_CHARACTERS:
                continue
            sides = zip(found.box, limits, strict=True)
            box = [max(0, min(limit, GRID * round(float(side) * scale / GRID))) for side, limit in sides]
            score = min(found.score, read.score)
            confidence = next(level for minimum, level in _LEVELS if score >= minimum)
            plates.append({"text": read.text, "box": box, "confidence": confidence})
        plates.sort(key=lambda plate: plate["box"])
        result = {"plates": plates} if plates else {"plates": [], "message": NO_PLATE}
        return result | ({"notes": list(picture.notes)} if picture.notes else {})


def read_plates(model: bytes, picture: bytes) -> dict[str, Any]:
    """Read a picture file with a model file; raise NoModel or NoPicture. The result is the same outside an enclave."""
    return PlateReader(model).read(open_picture(picture))
