"""The picture and the page of a scored day: each station has its row, its faults and its round."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from sealgrid.ados.generate import generate
from sealgrid.demos.ados.day import scored_day
from sealgrid.demos.ados.page import page_of
from sealgrid.demos.ados.picture import FAULT, LEFT, ROW, TOP, draw_day, heat, runs
from sealgrid.demos.ados.report import StationRound
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.score import Scores
from sealgrid.units import TaskId, to_address, to_digest

FEED = "0x" + "fe" * 20


@pytest.fixture(scope="module")
def day():
    generated = generate(1, 1, 4, faults=True)
    frame = to_grid(read_file(generated.readings), tuple(f"station-00{n}" for n in range(1, 5)), 600).frame
    dqf = np.full((frame.rows, 4), 100)
    task, station = TaskId(to_digest(b"\x11" * 32)), to_address(b"\x12" * 20)
    rounds = (StationRound("station-002", station, 0, 3600, 7, "stuck", task),)
    faulty = scored_day(generated, frame, Scores(dqf, dqf * 0), ()).faults != ""
    dqf[faulty] = 3
    return scored_day(generated, frame, Scores(dqf, dqf * 0), rounds)


def test_the_injected_faults_stand_at_their_rows(day):
    assert day.found_by_fault()
    assert all(found == injected for found, injected in day.found_by_fault().values())
    assert day.alarms().sum() == (day.faults != "").sum()


def test_each_stretch_of_faults_is_marked_below_its_stations_readings(day):
    picture = np.asarray(Image.open(io.BytesIO(draw_day(day))))
    fault = [int(FAULT[n : n + 2], 16) for n in (1, 3, 5)]
    for number in range(4):
        row = picture[TOP + ROW * number : TOP + ROW * (number + 1), LEFT:]
        marked = (row == fault).all(axis=2).any()
        assert marked == (day.faults[:, number] != "").any()
        assert ((row == heat(3)).all(axis=2).any()) == marked


def test_colours_run_from_dark_to_light_and_stretches_are_found():
    assert [sum(heat(dqf)) for dqf in (0, 50, 100)] == sorted(sum(heat(dqf)) for dqf in (0, 50, 100))
    assert list(runs(np.array([True, True, False, True]))) == [(0, 2), (3, 4)]


def test_the_page_holds_the_picture_and_every_round_and_loads_nothing(day):
    page = page_of(day, b"png", FEED)
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", page) == ["data:image/png;base64,cG5n"]
    assert page.count('<th scope="row">station-00') == 4
    assert page.count(">none<") == 3
    assert "00:00 to 01:00" in page
