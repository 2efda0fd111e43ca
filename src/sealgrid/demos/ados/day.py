"""A scored day as pictures and page show it: readings, scores, injected faults and rounds of each station."""

import csv
import io
from dataclasses import dataclass

import numpy as np

from sealgrid.ados.generate import GeneratedFile
from sealgrid.demos.ados.report import StationRound
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.messages import read_time
from sealgrid.shipped_apps.ados.quality.readings import Booleans, Frame, Integers
from sealgrid.shipped_apps.ados.quality.score import ALARM, Scores


@dataclass(frozen=True)
class ScoredDay:
    """A day of all stations; arrays are [R, N]."""

    frame: Frame
    values: Integers  #: millionths of a unit
    present: Booleans
    scores: Scores
    faults: np.ndarray  #: name of the injected fault, empty for none
    rounds: tuple[StationRound, ...]

    def of(self, sensor: str) -> StationRound | None:
        """Return the round of a sensor."""
        return next((each for each in self.rounds if each.sensor == sensor), None)

    def alarms(self) -> Booleans:
        """Return which readings count as faulty."""
        alarms: Booleans = self.scores.dqf <= ALARM
        return alarms

    def found_by_fault(self) -> dict[str, tuple[int, int]]:
        """Return for each class of faults how many readings were found, and how many were injected."""
        alarms = self.alarms()
        return {
            str(fault): (int((alarms & (self.faults == fault)).sum()), int((self.faults == fault).sum()))
            for fault in np.unique(self.faults)
            if fault
        }


def scored_day(day: GeneratedFile, frame: Frame, scores: Scores, rounds: tuple[StationRound, ...]) -> ScoredDay:
    """Return a generated day with its scores."""
    readings = to_grid(read_file(day.readings), frame.sensors, frame.interval).readings
    faults = np.full(readings.values.shape, "", dtype="U16")
    columns = {name: number for number, name in enumerate(frame.sensors)}
    for label in csv.DictReader(io.StringIO(day.labels.decode())):
        row = round(read_time(label["time"], "label")) // frame.interval - frame.first_slot
        if 0 <= row < frame.rows:
            faults[row, columns[label["sensor"]]] = label["fault"]
    return ScoredDay(frame, readings.values, readings.present, scores, faults, rounds)
