import numpy as np
import pytest

from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.grid import MAX_ROWS, to_grid
from sealgrid.shipped_apps.ados.quality.messages import ReadingMessage, collect
from sealgrid.shipped_apps.ados.quality.readings import MAX_VALUE, MICRO

START = 1_767_225_600


def gridded(messages, sensors=("a", "b"), interval=600):
    return to_grid(collect(messages), sensors, interval)


def every(rows, sensors=("a", "b"), begin=START):
    return [ReadingMessage(begin + 600 * row, name, float(row)) for row in range(rows) for name in sensors]


def test_readings_stand_in_the_slot_nearest_to_their_time():
    found = gridded([ReadingMessage(START - 4, "a", 1.5), ReadingMessage(START + 605, "a", 2.5)]).readings
    assert found.values[:, 0].tolist() == [1_500_000, 2_500_000]
    assert found.present.tolist() == [[True, False], [True, False]]
    assert found.first_slot * 600 == START


def test_a_gap_is_missing_and_a_second_reading_of_a_slot_is_a_copy():
    messages = [
        ReadingMessage(START, "a", 1.0),
        ReadingMessage(START, "a", 9.0),
        ReadingMessage(START + 1800, "a", 2.0),
    ]
    found = gridded(messages).readings
    assert found.values[:, 0].tolist() == [MICRO, 0, 0, 2 * MICRO]
    assert found.present[:, 0].tolist() == [True, False, False, True]
    assert found.copies[:, 0].tolist() == [1, 0, 0, 0]


def test_an_hour_that_daylight_saving_repeats_has_copies_and_one_that_it_skips_is_missing():
    local = [hour for hour in range(24) if hour != 2] + [hour + 24 for hour in (0, 1, 2, 2, 3)]
    found = gridded([ReadingMessage(START + 3600 * hour, "a", 1.0) for hour in local], interval=3600).readings
    assert found.present[2, 0] == np.False_
    assert found.copies[26, 0] == 1


def test_delays_are_in_whole_seconds_and_unknown_ones_are_none():
    messages = [
        ReadingMessage(START, "a", 1.0, START + 30.4),
        ReadingMessage(START + 600, "a", 1.0),
        ReadingMessage(START, "b", 1.0, START - 50),
    ]
    assert gridded(messages).readings.delays.tolist() == [[30, 50], [0, 0]]


def test_few_readings_of_a_clock_that_jumped_are_counted_and_left_out():
    messages = [*every(200), ReadingMessage(0, "a", 1.0), ReadingMessage(START + 10**9, "b", 1.0)]
    found = gridded(messages)
    assert found.frame.misdated == 2
    assert found.readings.rows == 200


def test_bursts_that_are_days_apart_are_all_kept():
    messages = [ReadingMessage(START + 2 * 86_400 * number, "a", 1.0) for number in range(101)]
    found = gridded(messages, interval=86_400)
    assert (found.frame.misdated, int(found.readings.present.sum())) == (0, 101)


def test_many_readings_of_unknown_sensors_do_not_make_a_known_one_misdated():
    unknown = [ReadingMessage(START + 600 * number, "other", 1.0) for number in range(200)]
    found = gridded([ReadingMessage(START - 2 * 86_400, "a", 1.0), *unknown])
    assert (found.frame.misdated, found.frame.unknown_sensors, found.readings.present.tolist()) == (
        0,
        ("other",),
        [[True, False]],
    )


def test_a_long_gap_between_many_readings_is_kept_as_missing():
    found = gridded([*every(100), *every(100, begin=START + 3 * 86_400)])
    assert (found.frame.misdated, found.readings.rows) == (0, 3 * 144 + 100)


def test_unknown_sensors_are_named_and_missing_ones_are_missing():
    found = gridded(every(3, sensors=("z", "a")))
    assert found.frame.unknown_sensors == ("z",)
    assert not found.readings.present[:, 1].any()


def test_values_beyond_all_bounds_are_bounded():
    values = gridded([ReadingMessage(START, "a", float("inf")), ReadingMessage(START, "b", -1e300)]).readings.values
    assert values.tolist() == [[MAX_VALUE * MICRO, -MAX_VALUE * MICRO]]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([ReadingMessage(START, "z", 1.0)], "no sensor of the file is the model's"),
        ([ReadingMessage(START, "a", 1.0), ReadingMessage(START + 600 * MAX_ROWS, "a", 1.0)], "split the file"),
    ],
)
def test_what_cannot_be_placed_is_refused(messages, reason):
    with pytest.raises(ReadingsRefused, match=reason):
        gridded(messages)


def test_the_order_of_a_file_does_not_matter_but_for_copies():
    messages = every(50)
    shuffled = [messages[place] for place in np.random.default_rng(1).permutation(len(messages))]
    assert np.array_equal(gridded(messages).readings.values, gridded(shuffled).readings.values)
