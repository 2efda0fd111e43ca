"""The model as one file: a stored zip with model.json, two networks and the list of characters."""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field

SCHEMA = "sealgrid/plate-model/1"
CARD, DETECTOR, RECOGNISER, LABELS = "model.json", "detector.onnx", "recogniser.onnx", "labels.txt"

#: raised by zipfile for damaged archives: encrypted, of an unknown version, truncated, not decompressible
_DAMAGED = (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, EOFError, OSError, zlib.error)


class NoModel(Exception):
    """The dataset is not a plate model; the message is for the requester."""


@dataclass(frozen=True)
class PlateModel:
    """The parts of a plate model, in memory."""

    detector: bytes = field(repr=False)
    recogniser: bytes = field(repr=False)
    labels: tuple[str, ...]


def open_model(content: bytes) -> PlateModel:
    """Parse a model file in memory; raise NoModel for an invalid one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            card = json.loads(archive.read(CARD))
            detector, recogniser, labels = (archive.read(name) for name in (DETECTOR, RECOGNISER, LABELS))
            characters = tuple(labels.decode().split())
    except _DAMAGED as error:
        raise NoModel(f"the dataset is not a plate model ({type(error).__name__}); expected a {SCHEMA} zip.") from error
    if not isinstance(card, dict) or card.get("schema") != SCHEMA:
        raise NoModel(f"the dataset does not declare the schema {SCHEMA}.")
    return PlateModel(detector, recogniser, characters)
