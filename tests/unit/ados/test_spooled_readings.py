"""Readings in files of a folder are those of the app, in parts of any size; what the app refuses is refused."""

import numpy as np
import pytest

from sealgrid.ados.generate import generate
from sealgrid.ados.spooled_readings import spool
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from tests.unit.shipped_apps.ados.models import SHIPPED_MODEL

GRAPH = graph_of(read_model(SHIPPED_MODEL))


@pytest.mark.parametrize("batch", [1000, 200_000], ids=["several parts", "one part"])
def test_the_readings_are_those_of_the_whole_file(tmp_path, batch):
    content = generate(1, 1, faults=True).readings
    whole = to_grid(read_file(content), GRAPH.sensors, GRAPH.interval)
    (tmp_path / "day.csv").write_bytes(content)
    spooled = spool(tmp_path / "day.csv", GRAPH, tmp_path, batch)
    assert spooled.frame == whole.frame
    for name in ("values", "present", "delays", "copies"):
        assert np.array_equal(getattr(spooled.readings, name), getattr(whole.readings, name)), name
    assert not list(tmp_path.glob("batch-*")), "parts are removed once they are in the grid"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no column of times"),
        (b"time,station-001\n\xff,1\n", "not text in UTF-8"),
        (b"time,station-001\n1\0,1\n", "NUL bytes"),
        (b"time,elsewhere\n1772064000,1\n", "no sensor of the file"),
        (b'{"roster": {}, "readings": []}', "scored in one piece"),
    ],
    ids=range(5),
)
def test_a_file_that_cannot_be_split_is_refused(tmp_path, content, reason):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(ReadingsRefused, match=reason):
        spool(tmp_path / "other", GRAPH, tmp_path)
