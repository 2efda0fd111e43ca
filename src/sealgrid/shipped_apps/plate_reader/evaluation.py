"""Accuracy of the model on drawn scenes. It says nothing about photographs, and the report states that."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sealgrid.shipped_apps.plate_reader.reader.geometry import overlap
from sealgrid.shipped_apps.plate_reader.reader.picture import open_picture
from sealgrid.shipped_apps.plate_reader.reader.pipeline import PlateReader
from sealgrid.shipped_apps.plate_reader.scenes import Scene, draw_scene

EVALUATION_SEED = 1000  #: the settings were chosen on lower seeds
SCENES_PER_EMPTY = 4  #: scenes with a plate for each scene without one
_MIN_OVERLAP = 0.5  #: intersection over union of a correct box


@dataclass(frozen=True)
class Tally:
    """Counts of one evaluation."""

    scenes: int  #: with a plate
    exact: int
    last_six: int  #: correct except for the province
    boxed: int
    empty: int  #: scenes without a plate
    alarms: int  #: scenes without a plate in which one was read
    seconds: float  #: per picture, model loaded
    misread: tuple[tuple[int, str, str], ...]  #: (seed, drawn, read)

    def lines(self) -> list[str]:
        """Return the report."""
        return [
            f"{self.scenes} drawn scenes with a plate, {self.empty} without; synthetic pictures, not photographs",
            f"exact             {_share(self.exact, self.scenes)}",
            f"last six exact    {_share(self.last_six, self.scenes)}",
            f"box found         {_share(self.boxed, self.scenes)}   (overlap above {_MIN_OVERLAP})",
            f"false alarms      {_share(self.alarms, self.empty)}   (scenes without a plate)",
            f"seconds/picture   {self.seconds:.3f}   (one thread, model loaded)",
            *(f"misread: seed {seed}: {drawn} as {read or 'nothing'}" for seed, drawn, read in self.misread),
        ]


def evaluate_model(model: bytes, font: Path, seeds: Iterable[int]) -> Tally:
    """Read the scene of each seed, and for some seeds one without a plate."""
    reader, duration = PlateReader(model), 0.0
    with_plate, without = [], []
    for index, seed in enumerate(seeds):
        scene = draw_scene(seed, font)
        start = time.perf_counter()
        result = reader.read(open_picture(scene.png))
        duration += time.perf_counter() - start
        with_plate.append((seed, scene, result["plates"]))
        if index % SCENES_PER_EMPTY == 0:
            empty = draw_scene(seed, font, with_plate=False)
            without.append(reader.read(open_picture(empty.png))["plates"])
    return tally_results(with_plate, without, duration)


def tally_results(
    results: list[tuple[int, Scene, list[dict[str, Any]]]], without: list[list[dict[str, Any]]], duration: float
) -> Tally:
    """Count the plates read in scenes with a plate, (seed, scene, plates), and in scenes without one."""
    reads = [(seed, scene, _best(scene, plates)) for seed, scene, plates in results]
    return Tally(
        scenes=len(reads),
        exact=sum(read == scene.expected for _, scene, (read, _) in reads),
        last_six=sum(read[-6:] == str(scene.expected)[-6:] for _, scene, (read, _) in reads),
        boxed=sum(right > _MIN_OVERLAP for _, _, (_, right) in reads),
        empty=len(without),
        alarms=sum(bool(plates) for plates in without),
        seconds=duration / max(1, len(reads)),
        misread=tuple((seed, str(scene.expected), read) for seed, scene, (read, _) in reads if read != scene.expected),
    )


def _best(scene: Scene, plates: list[dict[str, Any]]) -> tuple[str, float]:
    """Return the text and the overlap of the plate whose box fits the drawn one best."""
    if not plates:
        return "", 0.0
    corners = np.array(scene.corners)
    fits = overlap(
        np.concatenate((corners.min(axis=0), corners.max(axis=0))), np.array([p["box"] for p in plates], float)
    )
    return plates[int(fits.argmax())]["text"], float(fits.max())


def _share(part: int, whole: int) -> str:
    return f"{part:4d} of {whole:<4d} {100 * part / max(1, whole):5.1f} %"
