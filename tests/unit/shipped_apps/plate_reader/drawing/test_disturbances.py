"""Disturbances of a picture, each the same for a seed."""

import random

import numpy as np
import pytest
from PIL import Image

from sealgrid.shipped_apps.plate_reader.drawing.disturbances import DISTURBANCES
from sealgrid.shipped_apps.plate_reader.reader.geometry import flatten, rectangle

PLATE = rectangle(120, 30) + np.array((100, 80))


def street() -> Image.Image:
    picture = Image.new("RGB", (320, 200), (90, 120, 90))
    picture.paste((255, 255, 255), (100, 80, 220, 110))
    return picture


@pytest.mark.parametrize("name", DISTURBANCES)
def test_a_disturbance_is_the_same_for_a_seed_and_leaves_the_plate_where_it_says(name):
    first, corners = DISTURBANCES[name](random.Random(5), street(), PLATE)
    again, _ = DISTURBANCES[name](random.Random(5), street(), PLATE)
    assert first.tobytes() == again.tobytes()
    assert (first.tobytes() == street().tobytes()) == (name == "clean")
    middle = corners.mean(axis=0)
    plate = np.asarray(flatten(first, middle + (corners - middle) * 0.9, (60, 15)), float).mean()
    around = np.asarray(first, float)[:40].mean()
    assert plate > around
