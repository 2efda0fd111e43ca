"""The demo sells the model that suits the picture."""

import pytest

from sealgrid.demos.plates.model_choice import choose_model
from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.latin_scenes import draw_scene_of
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene

FONT = cached_files.font()
MODELS = {"Chinese": cached_files.MODEL.read_bytes(), "European": cached_files.LATIN_MODEL.read_bytes()}
SEED = 2


@pytest.mark.parametrize(("country", "model"), [("CN", "Chinese"), ("GB", "European")])
def test_the_plate_in_the_picture_chooses_the_model(country, model):
    assert choose_model(MODELS, draw_scene_of(SEED, country, FONT).png) == model


def test_a_picture_without_a_plate_gets_the_first_model():
    assert choose_model(MODELS, draw_scene(SEED, FONT, with_plate=False).png) == "Chinese"
