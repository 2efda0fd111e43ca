"""Street scenes with a European plate, from a seed, a country and a disturbance."""

import random
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from sealgrid.shipped_apps.plate_reader.drawing.disturbances import DISTURBANCES
from sealgrid.shipped_apps.plate_reader.drawing.latin_plate import SIZE_MM, draw_latin_plate, ground_of
from sealgrid.shipped_apps.plate_reader.latin import random_groups
from sealgrid.shipped_apps.plate_reader.reader.geometry import Corners
from sealgrid.shipped_apps.plate_reader.scenes import draw_parked

LATIN_EVALUATION_SEED = 7000  #: the first one; no setting was chosen on these scenes
SCENES_PER_COUNTRY = 10  #: each of them clean and under every disturbance
EMPTY_STREETS = 30  #: each of them clean and under every disturbance


@dataclass(frozen=True)
class LatinScene:
    """A drawn picture, the plate's text, and the corners of the plate's place in pixels."""

    image: Image.Image = field(repr=False)
    text: str | None  #: None without a plate
    corners: Corners = field(repr=False)


def draw_latin_scene(seed: int, country: str, font: Path, *, with_plate: bool = True) -> LatinScene:
    """Draw the scene of a seed and a country, always the same; the font is a variable one with a weight."""
    chance = random.Random(f"{country} {seed}")  # noqa: S311  a picture, no secret
    groups = random_groups(chance, country)
    ground = ground_of(country, is_front=chance.random() < 0.5)
    plate = draw_latin_plate(country, groups, ground, font) if with_plate else None
    picture, corners = draw_parked(chance, plate, SIZE_MM)
    return LatinScene(picture, "".join(groups) if with_plate else None, corners)


def disturb_scene(scene: LatinScene, disturbance: str, seed: int) -> LatinScene:
    """Return the scene with a disturbance of DISTURBANCES, always the same for a seed."""
    chance = random.Random(f"{disturbance} {seed}")  # noqa: S311  a picture, no secret
    image, corners = DISTURBANCES[disturbance](chance, scene.image, scene.corners)
    return LatinScene(image, scene.text, corners)
