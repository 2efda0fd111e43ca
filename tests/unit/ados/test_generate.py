"""Drawn files: clean readings have no labels, and each label of a fault names a reading of the later stretch."""

import csv
import io
from datetime import datetime, timedelta

from sealgrid.ados.generate import FAULTY_DAY, generate
from sealgrid.ados.readings_file import read_for_training
from sealgrid.ados.scenario import FAULTS, ROWS_A_DAY

STATIONS = 3


def test_a_clean_file_has_every_reading_and_no_labels():
    found = generate(7, 1, STATIONS)
    readings = read_for_training(found.readings)
    assert readings.present.all()
    assert (readings.rows, len(readings.sensors), found.labels) == (ROWS_A_DAY, STATIONS, b"")


def test_the_same_seed_draws_the_same_file():
    assert generate(7, 1, STATIONS, faults=True) == generate(7, 1, STATIONS, faults=True)
    assert generate(7, 1, STATIONS).readings != generate(8, 1, STATIONS).readings


def test_labels_name_faulty_readings_of_the_later_stretch():
    clean, faulty = generate(7, 1, STATIONS), generate(7, 2, STATIONS, faults=True)
    begin = datetime.fromisoformat(clean.readings.decode().splitlines()[1].split(",")[0]) + timedelta(days=FAULTY_DAY)
    labels = list(csv.DictReader(io.StringIO(faulty.labels.decode())))
    times = [datetime.fromisoformat(each["time"]) for each in labels]
    assert begin <= min(times) <= max(times) < begin + timedelta(days=2)
    assert {each["fault"] for each in labels} <= set(FAULTS)
    assert len(labels) > 0
