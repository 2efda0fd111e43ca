from dataclasses import replace

import numpy as np
import pytest

from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.fixed_point import ONE
from sealgrid.shipped_apps.ados.quality.network import CHUNK, CLIP, MAX_SIZE, MAX_WEIGHT, SLOPE, WINDOW, GraphNetwork
from tests.unit.shipped_apps.ados.models import random_model

NETWORK = random_model().network


def in_real_numbers(network, normalised, usable):
    """The network as the training module has it, in double precision."""
    real = {name: getattr(network, name) / ONE for name in network.__dataclass_fields__ if name != "neighbours"}
    windows = np.lib.stride_tricks.sliding_window_view(np.clip(normalised / ONE, -CLIP, CLIP), WINDOW + 1, axis=0)
    own, newest, edges = windows[:, :, :WINDOW], windows[:, :, 1:], network.neighbours
    own_features, features = own @ real["own_weight"], newest @ real["neighbour_weight"]
    score = (features @ real["neighbour_attention"])[:, edges]
    scores = np.concatenate([(own_features @ real["own_attention"])[:, :, None], score], axis=2) + real["edge_bias"]
    scores = np.where(scores > 0, scores, scores * SLOPE)
    powers = np.where(usable, np.exp(scores - scores.max(axis=2, keepdims=True)), 0)
    weights = powers / powers.sum(axis=2, keepdims=True)
    levels = np.concatenate(
        [(own @ real["own_level"])[:, :, None], (newest @ real["neighbour_level"])[:, edges]], axis=2
    )
    mixed = weights[:, :, :1] * own_features + (weights[:, :, 1:, None] * features[:, edges]).sum(axis=2)
    hidden = np.maximum((np.maximum(mixed, 0) * real["embedding"]) @ real["hidden_weight"] + real["hidden_bias"], 0)
    return (weights * levels).sum(axis=2) + hidden @ real["output_weight"]


def random_input(rows, seed=2):
    chance = np.random.default_rng(seed)
    normalised = np.rint(chance.normal(0, 2, (rows, 6)) * ONE).astype(np.int64)
    usable = chance.random((rows - WINDOW, 6, 4)) < 0.7
    usable[:, :, 1] = True
    return normalised, usable


def test_integers_estimate_what_real_numbers_do():
    normalised, usable = random_input(60)
    estimates = NETWORK.estimate(normalised, usable, np.arange(6)) / ONE
    assert np.abs(estimates - in_real_numbers(NETWORK, normalised, usable)).max() < 5e-3


def test_an_estimate_depends_neither_on_the_rows_computed_with_it_nor_on_the_sensors():
    rows = CHUNK // 6  # computed at once
    normalised, usable = random_input(rows + 40)
    whole = NETWORK.estimate(normalised, usable, np.arange(6))
    some = np.array([1, 4])
    part = NETWORK.estimate(normalised[rows - 3 :], usable[rows - 3 :, some], some)
    assert np.array_equal(part, whole[rows - 3 :, some])


def test_what_is_not_usable_has_no_effect():
    normalised, usable = random_input(20)
    usable[:, :, 0] = False
    changed = normalised.copy()
    changed[10, 2] += 3 * ONE
    before, after = (NETWORK.estimate(each, usable, np.arange(6)) for each in (normalised, changed))
    assert np.array_equal(before[:, 2], after[:, 2])
    assert not np.array_equal(before, after)


def test_extreme_weights_and_readings_do_not_overflow():
    full = {
        name: np.full_like(getattr(NETWORK, name), MAX_WEIGHT)
        for name in NETWORK.__dataclass_fields__
        if name != "neighbours"
    }
    full["embedding"] = np.full((6, MAX_SIZE), MAX_WEIGHT)
    for name, shape in {
        "own_weight": (WINDOW, MAX_SIZE),
        "neighbour_weight": (WINDOW, MAX_SIZE),
        "own_attention": (MAX_SIZE,),
        "neighbour_attention": (MAX_SIZE,),
        "hidden_weight": (MAX_SIZE, MAX_SIZE),
        "hidden_bias": (MAX_SIZE,),
        "output_weight": (MAX_SIZE,),
    }.items():
        full[name] = np.full(shape, MAX_WEIGHT)
    network = GraphNetwork(neighbours=NETWORK.neighbours, **full)
    normalised = np.full((WINDOW + 1, 6), 64 * ONE)
    usable = np.ones((1, 6, 4), dtype=bool)
    exact = in_real_numbers(network, normalised, usable)
    assert network.estimate(normalised, usable, np.arange(6)) / ONE == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("own_level", np.zeros(WINDOW + 1, dtype=np.int64)),
        ("edge_bias", np.zeros((6, 3), dtype=np.int64)),
        ("output_weight", np.full(4, MAX_WEIGHT + 1)),
        ("neighbours", np.full((6, 3), 6)),
        ("neighbours", np.full((6, 3), -1)),
        ("embedding", np.zeros(6, dtype=np.int64)),
    ],
)
def test_weights_of_another_shape_or_beyond_their_bounds_are_refused(name, wrong):
    with pytest.raises(ReadingsRefused):
        replace(NETWORK, **{name: wrong})
