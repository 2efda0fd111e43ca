"""Files of drawn readings: clean ones to train on, or later ones with labelled faults to score."""

import csv
import io
from dataclasses import dataclass

import numpy as np

from sealgrid.ados.faults import LabelledReadings, inject_mixed
from sealgrid.ados.readings_file import iso_time, write_csv
from sealgrid.ados.scenario import FAULTS, FIRST_SLOT, ROWS_A_DAY, STATIONS
from sealgrid.ados.stations import draw_network, draw_readings

CLEAN_PART, FAULTY_PART = 0, 2  #: stretches of a seed
FAULTY_DAY = 56  #: days after the first clean reading, at which readings with faults begin


@dataclass(frozen=True)
class GeneratedFile:
    """Readings as CSV, and the faults in them."""

    readings: bytes
    labels: bytes  #: CSV of time, sensor and fault, a row for each faulty reading


def generate(seed: int, days: int, stations: int = STATIONS, *, faults: bool = False) -> GeneratedFile:
    """Return readings of a seed's stations: clean from the first day on, or with all faults from day 56 on."""
    network = draw_network(seed, stations)
    rows = days * ROWS_A_DAY
    if not faults:
        return GeneratedFile(write_csv(draw_readings(network, seed, CLEAN_PART, rows)), b"")
    clean = draw_readings(network, seed, FAULTY_PART, rows, FIRST_SLOT + FAULTY_DAY * ROWS_A_DAY)
    labelled = inject_mixed(clean, network.sigmas, np.random.default_rng([seed, 3]))
    return GeneratedFile(write_csv(labelled.readings), _labels(labelled))


def _labels(labelled: LabelledReadings) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["time", "sensor", "fault"])
    readings = labelled.readings
    for row, column in np.argwhere(labelled.is_faulty()).tolist():
        time = iso_time((readings.first_slot + row) * readings.interval)
        table.writerow([time, readings.sensors[column], FAULTS[labelled.labels[row, column]]])
    return text.getvalue().encode()
