import numpy as np

from sealgrid.ados.scenario import ROWS_A_DAY
from sealgrid.ados.stations import draw_network, draw_readings
from sealgrid.shipped_apps.ados.quality.readings import MICRO

ROWS = 20 * ROWS_A_DAY


def test_a_seed_draws_the_same_readings_each_time_and_another_seed_others():
    first, again = (draw_readings(draw_network(1), 1, 0, 100) for _ in range(2))
    assert np.array_equal(first.values, again.values)
    assert np.array_equal(first.delays, again.delays)
    assert not np.array_equal(first.values, draw_readings(draw_network(2), 2, 0, 100).values)
    assert not np.array_equal(first.values, draw_readings(draw_network(1), 1, 1, 100).values)


def test_sigma_is_the_spread_around_the_daily_cycle():
    network = draw_network(3, stations=4)
    values = draw_readings(network, 3, 0, ROWS).values / MICRO
    by_time_of_day = values.reshape(-1, ROWS_A_DAY, 4)
    spread = (by_time_of_day - by_time_of_day.mean(axis=0)).std(axis=(0, 1))
    assert np.all(np.abs(spread / network.sigmas - 1) < 0.35)


def test_near_stations_agree_more_than_distant_ones():
    network = draw_network(4)
    values = draw_readings(network, 4, 0, ROWS).values / MICRO
    by_time_of_day = values.reshape(-1, ROWS_A_DAY, len(network.names))
    rest = (by_time_of_day - by_time_of_day.mean(axis=0)).reshape(ROWS, -1)
    correlation = np.corrcoef(rest.T)
    distances = np.linalg.norm(network.positions[:, None] - network.positions[None], axis=-1)
    near, far = (distances < 2) & (distances > 0), distances > 8
    assert correlation[near].mean() > correlation[far].mean() + 0.1


def test_readings_have_the_resolution_of_a_tenth():
    assert not (draw_readings(draw_network(5), 5, 0, 50).values % (MICRO // 10)).any()
