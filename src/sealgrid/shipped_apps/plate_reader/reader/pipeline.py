"""Reads the plates of a picture. Results are coarse so that all machines agree."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .detector import Detector
from .geometry import flatten
from .model_file import NoModel, open_model
from .recogniser import HEIGHT, Recogniser

GRID = 4  #: pixels; resolution of the boxes
MIN_CHARACTERS = 6
MAX_PIXELS = 48_000_000
MIN_SIDE = 32  #: pixels; the detector halves a picture five times
NO_PLATE = "no plate"

_WIDTH = 256  #: pixels of a flattened plate, HEIGHT high; the recogniser is most accurate at this stretch
_MARGIN = 0.03  #: of a plate's sides, added on each side
_TOO_LARGE = f"the picture has more than {MAX_PIXELS // 10**6} million pixels; give a smaller one."
_LEVELS = ((0.9, "high"), (0.7, "medium"), (0.0, "low"))


class NoPicture(Exception):
    """An input file is not a picture; the message is for the requester."""


class PlateReader:
    """A loaded model."""

    def __init__(self, model: bytes) -> None:
        parts = open_model(model)
        try:
            self._detector = Detector(parts.detector)
            self._recogniser = Recogniser(parts.recogniser, parts.labels)
        except Exception as error:  # onnxruntime has no error class of its own
            raise NoModel(f"the dataset's networks cannot be loaded ({type(error).__name__}).") from error

    def read(self, picture: Image.Image) -> dict[str, Any]:
        """Return ``{"plates": [{"text", "box", "confidence"}]}``, from left to right, or a message."""
        limits = (*picture.size, *picture.size)
        plates: list[dict[str, Any]] = []
        for found in self._detector.find(picture):
            centre: NDArray[np.float64] = np.mean(found.corners, axis=0)
            corners = centre + (found.corners - centre) * (1 + 2 * _MARGIN)
            read = self._recogniser.read(flatten(picture, corners, (_WIDTH, HEIGHT)))
            if len(read.text) < MIN_CHARACTERS:
                continue
            sides = zip(found.box, limits, strict=True)
            box = [max(0, min(limit, GRID * round(float(side) / GRID))) for side, limit in sides]
            score = min(found.score, read.score)
            confidence = next(level for minimum, level in _LEVELS if score >= minimum)
            plates.append({"text": read.text, "box": box, "confidence": confidence})
        plates.sort(key=lambda plate: plate["box"])
        return {"plates": plates} if plates else {"plates": [], "message": NO_PLATE}


def read_plates(model: bytes, picture: bytes) -> dict[str, Any]:
    """Read a picture file with a model file; raise NoModel or NoPicture. The result is the same outside an enclave."""
    return PlateReader(model).read(open_picture(picture))


def open_picture(content: bytes) -> Image.Image:
    """Return the picture in RGB, turned by its EXIF orientation; raise NoPicture for an invalid one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid EXIF data are not an error of the picture
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP", "BMP"))
            if picture.width * picture.height > MAX_PIXELS:
                raise NoPicture(_TOO_LARGE)
            if min(picture.size) < MIN_SIDE:
                raise NoPicture(f"the picture is smaller than {MIN_SIDE} pixels.")
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise NoPicture(_TOO_LARGE) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise NoPicture("the input is not a PNG, JPEG, WebP or BMP picture.") from error
