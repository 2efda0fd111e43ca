"""Draws clean readings of a network of correlated stations from a seed.

A reading is the station's mean, a daily cycle, a field that is correlated in space and time (AR(1), exponential
covariance), and noise of its own: ``mean + sigma · (cycle + field + noise)``. The standard deviation of field and noise
together is 1, hence ``sigma`` is the spread of the clean readings around the daily cycle.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sealgrid.ados.scenario import FIRST_SLOT, INTERVAL, ROWS_A_DAY, STATIONS
from sealgrid.shipped_apps.ados.quality.readings import Readings, to_micro

Reals = NDArray[np.float64]

AREA = 10.0  #: kilometres a side
CORRELATION_LENGTH = 12.0  #: kilometres
MEMORY = 0.98  #: correlation of the field between two rows
NOISE = 0.3  #: standard deviation of a station's own noise, in sigmas
FIELD = math.sqrt(1 - NOISE**2)
RESOLUTION = 0.1  #: of a reading
DELAY_SHAPE, DELAY_SCALE = 9.0, 3.0  #: of a clean reading's delay in seconds, a gamma distribution


@dataclass(frozen=True)
class StationNetwork:
    """The constants of a network of stations; arrays have one entry a station."""

    names: tuple[str, ...]
    positions: Reals  #: kilometres, [N, 2]
    means: Reals
    sigmas: Reals  #: spread of clean readings around the daily cycle
    amplitudes: Reals  #: of the daily cycle, in sigmas
    phases: Reals  #: of the daily cycle, in radians


def draw_network(seed: int, stations: int = STATIONS) -> StationNetwork:
    """Return the stations of a seed."""
    chance = np.random.default_rng([seed, 0])
    return StationNetwork(
        names=tuple(f"station-{number:03d}" for number in range(1, stations + 1)),
        positions=chance.uniform(0, AREA, (stations, 2)),
        means=chance.uniform(40, 70, stations),
        sigmas=chance.uniform(3, 6, stations),
        amplitudes=chance.uniform(1.0, 2.0, stations),
        phases=chance.normal(0, 0.3, stations),
    )


def draw_readings(network: StationNetwork, seed: int, part: int, rows: int, first_slot: int = FIRST_SLOT) -> Readings:
    """Return clean readings; ``part`` numbers independent stretches of one seed."""
    chance = np.random.default_rng([seed, 1, part])
    stations = len(network.names)
    unit = _cycle(network, chance, rows, first_slot) + FIELD * _field(network, chance, rows)
    unit += NOISE * chance.standard_normal((rows, stations))
    values = np.rint((network.means + network.sigmas * unit) / RESOLUTION) * RESOLUTION
    delays = np.rint(chance.gamma(DELAY_SHAPE, DELAY_SCALE, (rows, stations))).astype(np.int64)
    return Readings(
        sensors=network.names,
        interval=INTERVAL,
        first_slot=first_slot,
        values=to_micro(np.rint(values * 10) / 10),
        present=np.ones((rows, stations), dtype=np.bool_),
        delays=delays,
        copies=np.zeros((rows, stations), dtype=np.int64),
    )


def _cycle(network: StationNetwork, chance: np.random.Generator, rows: int, first_slot: int) -> Reals:
    """Return the daily cycle in sigmas; its height differs from day to day, alike at all stations."""
    slots = first_slot + np.arange(rows)
    angle = 2 * math.pi * (slots % ROWS_A_DAY)[:, None] / ROWS_A_DAY + network.phases
    days = rows // ROWS_A_DAY + 2
    heights = np.interp(np.arange(rows) / ROWS_A_DAY, np.arange(days), chance.normal(1, 0.15, days))
    shape = np.sin(angle - 2) + 0.3 * np.sin(2 * angle)
    cycle: Reals = network.amplitudes * heights[:, None] * shape
    return cycle


def _field(network: StationNetwork, chance: np.random.Generator, rows: int) -> Reals:
    distances = np.linalg.norm(network.positions[:, None] - network.positions[None], axis=-1)
    root = np.linalg.cholesky(np.exp(-distances / CORRELATION_LENGTH) + 1e-9 * np.eye(len(distances)))
    shocks = chance.standard_normal((rows, len(distances))) @ root.T
    field = np.empty_like(shocks)
    field[0] = shocks[0]
    for row in range(1, rows):
        field[row] = MEMORY * field[row - 1] + math.sqrt(1 - MEMORY**2) * shocks[row]
    return field
