"""Reads the plates of a picture. Results are coarse so that all machines agree."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .detector import Detection, Detector
from .geometry import Corners, flatten
from .model_file import NoModel, open_model
from .recogniser import HEIGHT, Read, Recogniser

GRID = 4  #: pixels; resolution of the boxes
LEAST_CHARACTERS = 6
MOST_PIXELS = 48_000_000
LEAST_SIDE = 32  #: pixels; the detector halves a picture five times
NO_PLATE = "no plate"

_WIDTH = 256  #: pixels of a flattened plate, HEIGHT high; stretched, as it reads best (README.md)
_MARGIN = 0.03  #: of a plate's sides, added all around
_TOO_LARGE = f"the picture has more than {MOST_PIXELS // 10**6} million pixels; give a smaller one."
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
        detections = [(found, self._text_of(picture, found)) for found in self._detector.find(picture)]
        plates = [_plate(found, read, picture.size) for found, read in detections if len(read.text) >= LEAST_CHARACTERS]
        plates.sort(key=lambda plate: plate["box"])
        return {"plates": plates} if plates else {"plates": [], "message": NO_PLATE}

    def _text_of(self, picture: Image.Image, found: Detection) -> Read:
        return self._recogniser.read(flatten(picture, _grown(found.corners), (_WIDTH, HEIGHT)))


def read_plates(model: bytes, picture: bytes) -> dict[str, Any]:
    """Read a picture with a model, both whole files; raise NoModel or NoPicture. The same inside an enclave and out."""
    return PlateReader(model).read(open_picture(picture))


def open_picture(content: bytes) -> Image.Image:
    """Return the picture in RGB, turned as its camera says; raise NoPicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a camera's faulty notes are no fault of the picture
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP", "BMP"))
            _expect_bounded(picture)
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise NoPicture(_TOO_LARGE) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise NoPicture("the input is no PNG, JPEG, WebP or BMP picture.") from error


def _expect_bounded(picture: Image.Image) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise NoPicture(_TOO_LARGE)
    if min(picture.size) < LEAST_SIDE:
        raise NoPicture(f"the picture is smaller than {LEAST_SIDE} pixels.")


def _plate(found: Detection, read: Read, size: tuple[int, int]) -> dict[str, Any]:
    score = min(found.score, read.score)
    confidence = next(level for least, level in _LEVELS if score >= least)
    return {"text": read.text, "box": _on_grid(found.box, size), "confidence": confidence}


def _on_grid(box: NDArray[np.float64], size: tuple[int, int]) -> list[int]:
    return [
        max(0, min(limit, GRID * round(float(side) / GRID))) for side, limit in zip(box, (*size, *size), strict=True)
    ]


def _grown(corners: Corners) -> Corners:
    centre: NDArray[np.float64] = np.mean(corners, axis=0)
    return centre + (corners - centre) * (1 + 2 * _MARGIN)
