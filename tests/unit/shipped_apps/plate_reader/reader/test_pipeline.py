"""Reading pictures: exact on drawn plates, honest without one, and what is refused."""

import pytest

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.reader.model_file import NoModel
from sealgrid.shipped_apps.plate_reader.reader.picture import NoPicture
from sealgrid.shipped_apps.plate_reader.reader.pipeline import read_plates
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene

SEEDS = (0, 2, 5)
FONT = cached_files.font()
MODEL_BYTES = cached_files.MODEL.read_bytes()


def outside(scene) -> list[str]:
    return [plate["text"] for plate in read_plates(MODEL_BYTES, scene.png)["plates"]]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_plate_is_read_exactly(seed):
    scene = draw_scene(seed, FONT)
    assert outside(scene) == [scene.expected]


def test_a_street_without_a_plate_has_no_plate():
    result = read_plates(MODEL_BYTES, draw_scene(SEEDS[0], FONT, with_plate=False).png)
    assert result == {"plates": [], "message": "no plate"}


def test_boxes_lie_on_a_grid_of_four_within_the_picture():
    scene = draw_scene(SEEDS[1], FONT)
    (plate,) = read_plates(MODEL_BYTES, scene.png)["plates"]
    left, top, right, bottom = plate["box"]
    assert all(side % 4 == 0 for side in plate["box"])
    assert 0 <= left < right <= 960
    assert 0 <= top < bottom <= 640


@pytest.mark.parametrize("model", [b"", b"PK", b"\x08\x07"])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(NoModel):
        read_plates(model, draw_scene(SEEDS[0], FONT).png)


@pytest.mark.parametrize("picture", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(NoPicture):
        read_plates(MODEL_BYTES, picture)
