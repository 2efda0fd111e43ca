"""Chooses the plate model that suits a picture."""

from collections.abc import Mapping

from sealgrid.shipped_apps.plate_reader.reader.pipeline import read_plates

_LEVELS = ("low", "medium", "high")


def choose_model(models: Mapping[str, bytes], picture: bytes) -> str:
    """Return the name of the model that reads a plate of the picture most surely; the first one if none is better."""

    def confidence(name: str) -> int:
        plates = read_plates(models[name], picture)["plates"]
        return max((1 + _LEVELS.index(plate["confidence"]) for plate in plates), default=0)

    return max(models, key=confidence)
