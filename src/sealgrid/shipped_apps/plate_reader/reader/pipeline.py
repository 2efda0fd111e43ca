"""Reads the plates of a picture. Results are coarse so that all machines agree."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .detector import Detector
from .geometry import flatten
from .latin_networks import PlateFinder, PlateTextReader
from .model_file import NoModel, PlateModel, open_model
from .picture import Picture, open_picture
from .plate_forms import FormDecoder, PlateForms
from .recogniser import HEIGHT, Recogniser

GRID = 4  #: pixels; resolution of the boxes
MIN_CHARACTERS = 6
MIN_FORM_CHARACTERS = 4  #: of the shortest form, a German one
#: mean probability of the characters of a text of a known form, and of another; below it, what was found is no plate
#: that can be read. Chosen on collages drawn to validate.
MIN_READ, MIN_FREE_READ = 0.7, 0.85
NO_PLATE = "no plate"

_WIDTH = 256  #: pixels of a flattened plate, HEIGHT high; the recogniser is most accurate at this stretch
_MARGIN = 0.03  #: of a plate's sides, added on each side
_LEVELS = ((0.9, "high"), (0.7, "medium"), (0.0, "low"))


@dataclass(frozen=True)
class PlateRead:
    """A plate of a picture; the box is in the picture's pixels."""

    text: str
    box: NDArray[np.float64]
    level: str


class PriorBoxReader:
    """Reads plates with the networks of schema 1."""

    def __init__(self, parts: PlateModel) -> None:
        self._detector = Detector(parts.detector)
        self._recogniser = Recogniser(parts.recogniser, parts.labels)

    def read(self, image: Image.Image) -> list[PlateRead]:
        """Return the plates of an RGB picture."""
        plates = []
        for found in self._detector.find(image):
            centre: NDArray[np.float64] = np.mean(found.corners, axis=0)
            corners = centre + (found.corners - centre) * (1 + 2 * _MARGIN)
            read = self._recogniser.read(flatten(image, corners, (_WIDTH, HEIGHT)))
            if len(read.text) >= MIN_CHARACTERS:
                plates.append(PlateRead(read.text, found.box, _level(min(found.score, read.score))))
        return plates


class FormReader:
    """Reads plates with the networks of schema 2, and the forms of its countries."""

    def __init__(self, parts: PlateModel, forms: PlateForms) -> None:
        self._finder = PlateFinder(parts.detector)
        self._text = PlateTextReader(parts.recogniser, len(parts.labels))
        self._decoder = FormDecoder("".join(parts.labels), forms)

    def read(self, image: Image.Image) -> list[PlateRead]:
        """Return the plates of an RGB picture; one without a known form is as read, of low confidence."""
        plates = []
        for found in self._finder.find(image):
            read = self._decoder.read(self._text.read(image, found.corners))
            least = MIN_READ if read.has_form else MIN_FREE_READ
            if len(read.text) < MIN_FORM_CHARACTERS or read.score < least:
                continue
            level = _level(min(found.score, read.score)) if read.has_form else _level(0)
            plates.append(PlateRead(read.text, found.box, level))
        return plates


def _level(score: float) -> str:
    return next(level for minimum, level in _LEVELS if score >= minimum)


class PlateReader:
    """A loaded model."""

    def __init__(self, model: bytes) -> None:
        parts = open_model(model)
        try:
            self._reader = PriorBoxReader(parts) if parts.forms is None else FormReader(parts, parts.forms)
        except Exception as error:  # onnxruntime has no error class of its own
            raise NoModel(f"the dataset's networks cannot be loaded ({type(error).__name__}).") from error

    def read(self, picture: Picture) -> dict[str, Any]:
        """Return ``{"plates": [{"text", "box", "confidence"}]}``, from left to right, or a message; and notes.

        Boxes are in pixels of the picture's file, upright.
        """
        image, scale = picture.image, picture.scale
        limits = [round(side * scale) for side in (*image.size, *image.size)]
        plates: list[dict[str, Any]] = []
        for plate in self._reader.read(image):
            sides = zip(plate.box, limits, strict=True)
            box = [max(0, min(limit, GRID * round(float(side) * scale / GRID))) for side, limit in sides]
            plates.append({"text": plate.text, "box": box, "confidence": plate.level})
        plates.sort(key=lambda plate: plate["box"])
        result = {"plates": plates} if plates else {"plates": [], "message": NO_PLATE}
        return result | ({"notes": list(picture.notes)} if picture.notes else {})


def read_plates(model: bytes, picture: bytes) -> dict[str, Any]:
    """Read a picture file with a model file; raise NoModel or NoPicture. The result is the same outside an enclave."""
    return PlateReader(model).read(open_picture(picture))
