import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.score import score
from sealgrid.shipped_apps.ados.quality.shards import Shard, ShardMerger, plan_shards, score_shard, with_halo
from tests.unit.shipped_apps.ados.models import random_model, random_readings


def sharded(model, readings, shards):
    rows = readings.rows
    merger = ShardMerger(rows, model.network.sensors)
    for shard in shards:
        merger.add(shard, score_shard(model, with_halo(graph_of(model), readings, shard), shard, rows))
    return merger.scores()


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 110),
    sensors=st.integers(2, 9),
    groups=st.integers(1, 9),
    windows=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    faulty=st.sampled_from([0.0, 0.05, 0.3]),
    threshold=st.sampled_from([0.5, 1.5, 4.0]),
)
def test_every_sharding_merges_to_the_bits_of_the_whole(rows, sensors, groups, windows, seed, faulty, threshold):
    model = random_model(sensors, edges=min(3, sensors - 1), seed=seed, threshold=threshold)
    readings = random_readings(rows, sensors, seed, faulty=faulty)
    whole = score(model, readings)
    merged = sharded(model, readings, list(plan_shards(sensors, rows, groups, windows)))
    assert np.array_equal(merged.dqf, whole.dqf)
    assert np.array_equal(merged.reasons, whole.reasons)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_shards_of_any_shape_merge_to_the_bits_of_the_whole(data):
    model, readings = random_model(seed=5, threshold=0.5), random_readings(90, seed=5, faulty=0.05)
    order = data.draw(st.permutations(range(6)))
    cut = data.draw(st.integers(1, 5))
    shards = []
    for sensors in (sorted(order[:cut]), sorted(order[cut:])):
        bounds = [0, *sorted(data.draw(st.sets(st.integers(1, 89), max_size=6))), 90]
        shards += [Shard(tuple(sensors), first, end) for first, end in itertools.pairwise(bounds)]
    assert np.array_equal(sharded(model, readings, shards).dqf, score(model, readings).dqf)


def test_a_shard_has_the_readings_of_its_sensors_their_neighbours_and_theirs_alone():
    model = random_model(9, edges=1, seed=3)
    readings = random_readings(100, 9, faulty=0.0)
    part = with_halo(graph_of(model), readings, Shard((4,), 50, 60))
    near = model.network.neighbours[4, 0]
    needed = {4, int(near), int(model.network.neighbours[near, 0])}
    assert set(np.flatnonzero(part.present.any(axis=0))) == needed
    assert part.rows == 10 + 25 + 15


def test_shards_that_leave_a_reading_out_or_score_it_twice_are_refused():
    model, readings = random_model(), random_readings(30)
    shards = list(plan_shards(6, 30, 2, 2))
    with pytest.raises(ValueError, match="once"):
        sharded(model, readings, shards[1:])
    with pytest.raises(ValueError, match="two shards"):
        sharded(model, readings, [*shards, shards[0]])
