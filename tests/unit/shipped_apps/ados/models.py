"""The shipped model, and models with random weights, which stand for trained ones where only arithmetic is tested."""

import numpy as np

from sealgrid.shipped_apps.ados.quality.calibration import Calibration
from sealgrid.shipped_apps.ados.quality.fixed_point import ONE
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.network import WINDOW, GraphNetwork
from sealgrid.shipped_apps.ados.quality.readings import MICRO, Readings
from tests.unit.shipped_apps.app_process import APPS

SIZE, HIDDEN = 4, 4
SHIPPED_MODEL = (APPS / "ados" / "stations.onnx").read_bytes()


def random_model(sensors=6, edges=3, seed=1, threshold=2.0):
    chance = np.random.default_rng(seed)

    def weights(*shape):
        return np.rint(chance.normal(0, 0.5, shape) * ONE).astype(np.int64)

    neighbours = np.array(
        [chance.choice([j for j in range(sensors) if j != i], edges, replace=False) for i in range(sensors)],
        dtype=np.int64,
    ).reshape(sensors, edges)
    network = GraphNetwork(
        neighbours=neighbours,
        embedding=weights(sensors, SIZE),
        own_weight=weights(WINDOW, SIZE),
        neighbour_weight=weights(WINDOW, SIZE),
        own_level=weights(WINDOW),
        neighbour_level=weights(WINDOW),
        own_attention=weights(SIZE),
        neighbour_attention=weights(SIZE),
        edge_bias=weights(sensors, 1 + edges),
        hidden_weight=weights(SIZE, HIDDEN),
        hidden_bias=weights(HIDDEN),
        output_weight=weights(HIDDEN),
    )
    return AdosModel(tuple(f"s{number}" for number in range(sensors)), 600, network, calibration(sensors, threshold))


def calibration(sensors, threshold):
    def same(value):
        return np.full(sensors, value, dtype=np.int64)

    return Calibration(
        centre=same(50 * MICRO),
        scale=same(5 * MICRO),
        lowest=same(40 * MICRO),
        highest=same(60 * MICRO),
        largest_step=same(8 * MICRO),
        shortest_run=same(4),
        longest_delay=same(600),
        own_median=same(0),
        own_threshold=same(round(threshold * ONE)),
        neighbour_median=same(0),
        neighbour_threshold=same(round(1.5 * threshold * ONE)),
    )


def random_readings(rows, sensors=6, seed=1, *, faulty=0.1):
    """Return readings with holes, copies, delays and equal values in the share ``faulty`` of them."""
    chance = np.random.default_rng(seed)
    shape = (rows, sensors)
    values = np.rint(chance.normal(50, 5, shape) * 10).astype(np.int64) * (MICRO // 10)
    values[chance.random(shape) < faulty] *= 3
    for row in range(1, rows):
        values[row] = np.where(chance.random(sensors) < faulty, values[row - 1], values[row])
    present = chance.random(shape) >= faulty
    return Readings(
        sensors=tuple(f"s{number}" for number in range(sensors)),
        interval=600,
        first_slot=2_945_376,
        values=np.where(present, values, 0),
        present=present,
        delays=np.where(chance.random(shape) < faulty, 900, 30) * present,
        copies=(chance.random(shape) < faulty).astype(np.int64) * present,
    )
