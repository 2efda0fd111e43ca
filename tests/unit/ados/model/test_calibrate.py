import numpy as np

from sealgrid.ados.model.calibrate import FALSE_ALARMS, calibrate, normalisation
from sealgrid.ados.stations import draw_network, draw_readings
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.readings import MICRO
from sealgrid.shipped_apps.ados.quality.score import ALARM, score
from tests.unit.shipped_apps.ados.models import SHIPPED_MODEL

NETWORK = read_model(SHIPPED_MODEL).network
TRAINING, VALIDATION = (draw_readings(draw_network(1), 1, part, 500) for part in (0, 1))


def test_normalisation_is_mean_and_standard_deviation_of_the_training_readings():
    normal = normalisation(TRAINING)
    assert np.abs(normal.centre - TRAINING.values.mean(axis=0)).max() <= 1
    assert np.abs(normal.scale - TRAINING.values.std(axis=0)).max() <= 1


def test_thresholds_let_the_accepted_share_of_clean_readings_through():
    model = calibrate(NETWORK, normalisation(TRAINING), TRAINING, VALIDATION)
    alarms = (score(model, VALIDATION).dqf <= ALARM).mean()
    assert alarms <= FALSE_ALARMS
    bounds = model.calibration
    both = np.concatenate([TRAINING.values, VALIDATION.values])
    assert np.array_equal(bounds.lowest, both.min(axis=0))
    assert np.array_equal(bounds.highest, both.max(axis=0))
    assert (bounds.shortest_run == 4).all()


def test_missing_readings_have_no_part_in_the_bounds():
    training = draw_readings(draw_network(1), 1, 0, 500)
    training.values[10:20, 3] = 0
    training.present[10:20, 3] = False
    bounds = calibrate(NETWORK, normalisation(training), training, VALIDATION).calibration
    assert bounds.lowest[3] > 10 * MICRO
