"""Scenes are determined by their seed."""

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene

FONT = cached_files.font()


def test_a_seed_always_draws_the_same_picture():
    assert draw_scene(3, FONT).png == draw_scene(3, FONT).png
    assert draw_scene(3, FONT).png != draw_scene(4, FONT).png
