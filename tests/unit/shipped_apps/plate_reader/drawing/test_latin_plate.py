"""European plates, drawn flat."""

import numpy as np
import pytest

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.drawing.latin_plate import SIZE_MM, draw_latin_plate, ground_of
from sealgrid.shipped_apps.plate_reader.drawing.plate import SCALE
from sealgrid.shipped_apps.plate_reader.latin import GROUPS

FONT = cached_files.font()


@pytest.mark.parametrize("country", GROUPS)
def test_the_longest_text_stays_within_the_plate(country):
    groups = max(GROUPS[country], key=lambda each: len("".join(each)))
    plate = draw_latin_plate(country, ["M" * len(group) for group in groups], ground_of(country, is_front=True), FONT)
    assert plate.size == (SIZE_MM[0] * SCALE, SIZE_MM[1] * SCALE)
    edge = np.asarray(plate.convert("L"))[30 * SCALE : 80 * SCALE, -6 * SCALE : -5 * SCALE]
    assert edge.min() > 40  # no ink


def test_a_british_plate_is_yellow_at_the_rear():
    assert ground_of("GB", is_front=False) == ground_of("NL", is_front=True) != ground_of("GB", is_front=True)
