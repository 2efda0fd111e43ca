"""Trains the networks for Latin plates and writes their model file; ``make train-plates`` runs it."""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sealgrid.shipped_apps.plate_reader.latin import CHARACTERS
from sealgrid.shipped_apps.plate_reader.training.collage import CLOSE_UPS_SEED, TRAINING_SEED, VALIDATION_SEED
from sealgrid.shipped_apps.plate_reader.training.export import card_of, latin_model
from sealgrid.shipped_apps.plate_reader.training.fit import (
    FINDER,
    TEXT,
    CloseUps,
    Collages,
    Session,
    draw_close_ups,
    draw_collages,
    finder_loss,
    fit,
    share_read,
    text_loss,
)
from sealgrid.shipped_apps.plate_reader.training.fonts import training_fonts
from sealgrid.shipped_apps.plate_reader.training.networks import FinderNetwork, TextNetwork

VALIDATION_CLOSE_UPS = 600


def main() -> int:
    """Train the networks one after the other, and write the model file; return 3 if the time ends first."""
    parser = argparse.ArgumentParser(prog="python -m sealgrid.shipped_apps.plate_reader.training", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for drawn pictures, states and the model file")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long; run it again to go on")
    options = parser.parse_args()
    folder, start = options.folder, time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)

    def say(line: str) -> None:
        print(f"{time.monotonic() - start:5.0f} s  {line}", flush=True)

    fonts, end = training_fonts(), start + 60 * options.minutes
    text, finder = new_text(), new_finder()
    drawn = _drawn(folder / "close_ups.npz", CloseUps, lambda: draw_close_ups(fonts, CLOSE_UPS_SEED, TEXT.pictures))
    if not fit(text, TEXT, drawn, text_loss, Session(folder / "text.state", end, say)):
        return 3
    drawn = _drawn(folder / "collages.npz", Collages, lambda: draw_collages(fonts, TRAINING_SEED, FINDER.pictures))
    if not fit(finder, FINDER, drawn, finder_loss, Session(folder / "finder.state", end, say)):
        return 3
    share = share_read(text, draw_close_ups(fonts, VALIDATION_SEED, VALIDATION_CLOSE_UPS))
    say(f"read exactly, of {VALIDATION_CLOSE_UPS} plates drawn to validate: {share:.1%}")
    model = latin_model(finder, text)
    weights = sum(part.numel() for network in (text, finder) for part in network.parameters())
    (folder / "latin_plates.zip").write_bytes(model)
    (folder / "latin_plates_card.md").write_text(card_of(model, weights, share), encoding="utf-8")
    say(f"wrote {len(model)} bytes, SHA-256 {hashlib.sha256(model).hexdigest()}")
    return 0


def new_text() -> TextNetwork:
    """Return an untrained reader of plates."""
    torch.manual_seed(2)
    return TextNetwork(1 + len(CHARACTERS))


def new_finder() -> FinderNetwork:
    """Return an untrained finder of plates."""
    torch.manual_seed(1)
    return FinderNetwork()


def _drawn(file: Path, kind: Any, draw: Callable[[], Any]) -> Any:
    """Return what was drawn before, or draw it."""
    if not file.is_file():
        drawn = draw()
        np.savez(file, **vars(drawn))
        return drawn
    with np.load(file) as saved:
        return kind(**saved)


if __name__ == "__main__":
    sys.exit(main())
