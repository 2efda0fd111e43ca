"""Pictures to train on are the same for a seed, and say where their plates are."""

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.training.collage import FontStyle, draw_close_up, draw_collage

FONTS = (FontStyle(cached_files.font(), (600,)),)
SIZE = (256, 192)


def test_a_seed_always_draws_the_same_collage_with_its_plates_inside():
    collages = [draw_collage(seed, FONTS, SIZE) for seed in range(12)]
    assert draw_collage(3, FONTS, SIZE).image.tobytes() == collages[3].image.tobytes()
    assert {0, 1} <= {len(collage.plates) for collage in collages}
    for plate in (plate for collage in collages for plate in collage.plates):
        assert (plate.corners >= 0).all()
        assert (plate.corners <= SIZE).all()


def test_the_characters_of_a_close_up_stand_on_its_plate_from_left_to_right():
    ((plate,),) = (draw_close_up(8, FONTS).plates,)
    assert len(plate.centres) == len(plate.text)
    assert (plate.centres[1:, 0] > plate.centres[:-1, 0]).all()
    assert (plate.centres > plate.corners.min(axis=0)).all()
    assert (plate.centres < plate.corners.max(axis=0)).all()
