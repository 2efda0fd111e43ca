"""Accuracy of two models side by side, for each country and each disturbance, on drawn scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sealgrid.shipped_apps.plate_reader.drawing.disturbances import DISTURBANCES
from sealgrid.shipped_apps.plate_reader.latin import COUNTRIES
from sealgrid.shipped_apps.plate_reader.latin_scenes import CountryScene, disturb_scene, draw_country_scene
from sealgrid.shipped_apps.plate_reader.reader.picture import Picture
from sealgrid.shipped_apps.plate_reader.reader.pipeline import PlateReader

CLEAN = "clean"
_WIDTH = 9  #: characters of a column


@dataclass(frozen=True)
class Trial:
    """What one model read in one picture."""

    model: str
    country: str
    disturbance: str
    drawn: str | None  #: None without a plate
    read: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether the plate, and nothing else, was read."""
        return self.read == (self.drawn,)


@dataclass(frozen=True)
class Extent:
    """Which scenes are drawn."""

    first: int  #: seed
    scenes: int  #: of each country
    streets: int  #: without a plate


def try_models(models: Mapping[str, PlateReader], font: Path, extent: Extent, countries: Sequence[str]) -> list[Trial]:
    """Read the scenes of each country, clean and under every disturbance, and streets without a plate."""
    trials = []
    for country in countries:
        for seed in range(extent.first, extent.first + extent.scenes):
            trials += _try_scene(models, country, draw_country_scene(seed, country, font), seed)
    for index in range(extent.streets):
        country, seed = countries[index % len(countries)], extent.first + index
        trials += _try_scene(models, country, draw_country_scene(seed, country, font, with_plate=False), seed)
    return trials


def _try_scene(models: Mapping[str, PlateReader], country: str, scene: CountryScene, seed: int) -> list[Trial]:
    trials = []
    for disturbance in DISTURBANCES:
        image = disturb_scene(scene, disturbance, seed).image
        for name, reader in models.items():
            read = tuple(plate["text"] for plate in reader.read(as_picture(image))["plates"])
            trials.append(Trial(name, country, disturbance, scene.text, read))
    return trials


def as_picture(image: Image.Image) -> Picture:
    """Return a drawn picture as the reader takes it."""
    return Picture(image)


def table(trials: Sequence[Trial]) -> list[str]:
    """Return the report: exact plates of each model for each country and disturbance, then sums."""
    models = list(dict.fromkeys(trial.model for trial in trials))
    countries = list(dict.fromkeys(trial.country for trial in trials))
    lines = [
        f"exact readings in per cent, {' | '.join(models)}; drawn scenes, not photographs",
        "".join(["country".ljust(_WIDTH), *(name.rjust(_WIDTH) for name in DISTURBANCES)]),
    ]
    for country in countries:
        cells = [_cell(trials, models, [country], [disturbance]) for disturbance in DISTURBANCES]
        lines.append("".join([country.ljust(_WIDTH), *(cell.rjust(_WIDTH) for cell in cells)]))
    latin = [country for country in countries if country in COUNTRIES]
    disturbed = [name for name in DISTURBANCES if name != CLEAN]
    lines += [
        f"{what.ljust(22)}{_cell(trials, models, latin, kinds)}   ({_count(trials, latin, kinds)} pictures)"
        for what, kinds in (("Latin, clean", [CLEAN]), ("Latin, disturbed", disturbed))
    ]
    for model in models:
        empty = [trial for trial in trials if trial.model == model and trial.drawn is None]
        alarms = sum(bool(trial.read) for trial in empty)
        lines.append(f"false alarms of {model}: {alarms} in {len(empty)} pictures without a plate")
    return lines


def _chosen(trials: Sequence[Trial], countries: Sequence[str], disturbances: Sequence[str]) -> list[Trial]:
    return [
        trial
        for trial in trials
        if trial.drawn is not None and trial.country in countries and trial.disturbance in disturbances
    ]


def _count(trials: Sequence[Trial], countries: Sequence[str], disturbances: Sequence[str]) -> int:
    chosen = _chosen(trials, countries, disturbances)
    return len(chosen) // max(1, len({trial.model for trial in chosen}))


def _cell(trials: Sequence[Trial], models: Sequence[str], countries: Sequence[str], disturbances: Sequence[str]) -> str:
    chosen = _chosen(trials, countries, disturbances)
    shares = []
    for model in models:
        exact = [trial.is_exact for trial in chosen if trial.model == model]
        shares.append(f"{100 * sum(exact) / max(1, len(exact)):.0f}")
    return " | ".join(shares)
