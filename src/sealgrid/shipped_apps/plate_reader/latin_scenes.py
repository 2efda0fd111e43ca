"""Street scenes with a plate of a country, from a seed, the country and a disturbance."""

import io
import random
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from sealgrid.shipped_apps.plate_reader.drawing.car import CHINESE_MM
from sealgrid.shipped_apps.plate_reader.drawing.disturbances import DISTURBANCES
from sealgrid.shipped_apps.plate_reader.drawing.latin_plate import SIZE_MM, draw_latin_plate, ground_of
from sealgrid.shipped_apps.plate_reader.drawing.plate import draw_plate, random_text
from sealgrid.shipped_apps.plate_reader.latin import COUNTRIES, random_groups
from sealgrid.shipped_apps.plate_reader.reader.geometry import Corners
from sealgrid.shipped_apps.plate_reader.scenes import Scene, draw_parked, draw_scene

CHINA = "CN"
ALL_COUNTRIES = (CHINA, *COUNTRIES)
LATIN_EVALUATION_SEED = 7000  #: the first one; no setting was chosen on these scenes
SCENES_PER_COUNTRY = 10  #: each of them clean and under every disturbance
EMPTY_STREETS = 30  #: each of them clean and under every disturbance


@dataclass(frozen=True)
class CountryScene:
    """A drawn picture, the plate's text, and the corners of the plate's place in pixels."""

    image: Image.Image = field(repr=False)
    text: str | None  #: None without a plate
    corners: Corners = field(repr=False)


def draw_country_scene(seed: int, country: str, font: Path, *, with_plate: bool = True) -> CountryScene:
    """Draw the scene of a seed and a country, always the same; the font as for ``draw_scene``."""
    chance = random.Random(f"{country} {seed}")  # noqa: S311  a picture, no secret
    text, plate, size_mm = _draw_plate(chance, country, font)
    picture, corners = draw_parked(chance, plate if with_plate else None, size_mm)
    return CountryScene(picture, text if with_plate else None, corners)


def draw_scene_of(seed: int, country: str, font: Path) -> Scene:
    """Draw the scene of a seed and a country as a picture file; a Chinese one is that of ``draw_scene``."""
    if country == CHINA:
        return draw_scene(seed, font)
    scene = draw_country_scene(seed, country, font)
    png = io.BytesIO()
    scene.image.save(png, "PNG")
    return Scene(png.getvalue(), scene.text, tuple((float(x), float(y)) for x, y in scene.corners))


def _draw_plate(chance: random.Random, country: str, font: Path) -> tuple[str, Image.Image, tuple[int, int]]:
    if country == CHINA:
        text = random_text(chance)
        return text, draw_plate(text, font), CHINESE_MM
    groups = random_groups(chance, country)
    ground = ground_of(country, is_front=chance.random() < 0.5)
    return "".join(groups), draw_latin_plate(country, groups, ground, font), SIZE_MM


def disturb_scene(scene: CountryScene, disturbance: str, seed: int) -> CountryScene:
    """Return the scene with a disturbance of DISTURBANCES, always the same for a seed."""
    chance = random.Random(f"{disturbance} {seed}")  # noqa: S311  a picture, no secret
    image, corners = DISTURBANCES[disturbance](chance, scene.image, scene.corners)
    return CountryScene(image, scene.text, corners)
