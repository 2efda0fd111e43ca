"""Files of shards, scored apart and merged: their bytes are those of the run on the whole file."""

import csv
import io
import itertools
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealgrid.ados import sharded_scores
from sealgrid.ados.generate import generate
from sealgrid.ados.readings_file import iso_time
from sealgrid.ados.sharded_scores import (
    ShardedJob,
    ShardedPurchase,
    ShardedScores,
    plan_job,
    read_scores,
    score_in_shards,
    write_scores,
)
from sealgrid.ados.spooled_readings import spool
from sealgrid.errors import AppFailed, HostFailed, InputRefused, OrderRefused
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.resources.bags import ShardOutcome
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.graph import graph_of, read_graph
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.readings import Frame
from sealgrid.shipped_apps.ados.quality.report import reason_names, table_header, table_rows
from sealgrid.shipped_apps.ados.quality.score import score
from sealgrid.shipped_apps.ados.quality.shard_file import read_shard, write_shard
from sealgrid.shipped_apps.ados.quality.shards import Shard, ShardMerger, score_shard
from tests.unit.shipped_apps.ados.conftest import run, wheels
from tests.unit.shipped_apps.ados.models import SHIPPED_MODEL, random_model, random_readings

__all__ = ("run", "wheels")  # fixtures

START = 1_767_225_600
FILES = ("result.json", "dqf.csv", "reasons.csv")


def draw_file(seed, rows, sensors, columns):
    """Return CSV with holes, copies, late, misdated and unknown readings, in any order."""
    chance = np.random.default_rng(seed)
    readings = []
    for row, sensor in itertools.product(range(rows), range(sensors + 1)):
        if chance.random() < 0.1:
            continue
        at = START + 600 * row + int(chance.integers(-200, 200))
        value = "" if chance.random() < 0.05 else f"{chance.normal(50, 8):.1f}"
        received = iso_time(at + int(chance.choice([20, 2000])))
        readings += [[iso_time(at), f"s{sensor}", value, received]] * int(chance.choice([1, 1, 1, 2]))
    readings += [[iso_time(START + 10**8), "s0", "50", ""]] * (len(readings) > 150)
    chance.shuffle(readings)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [["time", "sensor", "value", "received"][:columns], *(each[:columns] for each in readings)]
    )
    return text.getvalue().encode()


def tables(frame, scores):
    return {
        name: (table_header(frame.sensors) + table_rows(frame, 0, cells)).encode()
        for name, cells in (("dqf.csv", scores.dqf), ("reasons.csv", reason_names(scores.reasons)))
    }


def scored_file(model, frame, content):
    """Return the tables that the app writes for the file of a shard."""
    file = read_shard(content)
    scores = score_shard(model, file.readings(graph_of(model)), file.shard, file.rows)
    names = tuple(frame.sensors[number] for number in file.shard.sensors)
    first, end = file.shard.first_row, file.shard.end_row
    return tables(Frame(names, frame.interval, frame.first_slot + first, end - first), scores)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 10_000), rows=st.integers(1, 90), sensors=st.integers(2, 7))
def test_any_shards_as_files_merge_to_the_tables_of_the_whole_file(tmp_path, data, seed, rows, sensors):
    model = random_model(sensors, edges=min(2, sensors - 1), seed=seed, threshold=1.0)
    graph = graph_of(model)
    content = draw_file(seed, rows, sensors, data.draw(st.sampled_from([3, 4])))
    try:
        whole = to_grid(read_file(content), model.sensors, model.interval)
    except ReadingsRefused:
        return  # a file without any reading of the model's sensors
    (tmp_path / "readings").write_bytes(content)
    gridded = spool(tmp_path / "readings", graph, tmp_path, batch=data.draw(st.sampled_from([7, 1000])))
    frame = gridded.frame
    assert frame == whole.frame
    bounds = [0, *sorted(data.draw(st.sets(st.integers(1, frame.rows), max_size=4)) - {frame.rows}), frame.rows]
    order = data.draw(st.permutations(range(sensors)))
    cut = data.draw(st.integers(0, sensors))
    merger = ShardMerger(frame.rows, sensors)
    for (first, end), group in itertools.product(itertools.pairwise(bounds), (order[:cut], order[cut:])):
        if group:
            shard = Shard(tuple(sorted(group)), first, end)
            file = write_shard(graph, gridded.readings, shard)
            merger.add(shard, read_scores(frame, shard, scored_file(model, frame, file)))
    write_scores(ShardedScores(frame, merger.scores(), Amount(0), (), ()), tmp_path / "out")
    expected = tables(frame, score(model, whole.readings))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in expected} == expected


class BagOfTheApp:
    """A bag whose shards the app computes here, as its sandbox runs it."""

    def __init__(self, number, run, inputs, failing=()):
        self.id, self.price = f"bag-{number}", Amount(5)
        self.runs = [SimpleNamespace(task=f"task-{number}-{index}") for index in range(len(inputs))]
        self._number, self._run, self._inputs, self._failing = number, run, inputs, set(failing)
        self.retried, self.limits = 0, []

    async def as_completed(self, on_progress):
        for index, [(name, content)] in reversed(list(enumerate(self._inputs))):
            if index in self._failing:
                yield ShardOutcome(index, name, None, None, HostFailed("the machine stopped."))
                continue
            ran = self._run(SHIPPED_MODEL, {name: content}, at=f"bag-{self._number}-{index}")
            assert (ran.code, ran.errors) == (0, "")
            yield ShardOutcome(index, name, None, SimpleNamespace(files=ran.files), None)

    async def spent(self):
        return Amount(5 + 5 * self.retried)

    async def retry(self, max_price, on_progress):
        self.limits.append(max_price)
        self.retried, self._failing = len(self._failing), set()


class Buyer:
    """The part of a client that buys bags."""

    def __init__(self, run, failing=()):
        self.bags, self.bought, self._run, self._failing = [], [], run, failing

    async def map(self, app, inputs, model, **terms):
        self.bought.append((app, model, terms))
        self.bags.append(BagOfTheApp(len(self.bags), self._run, inputs, self._failing))
        return self.bags[-1]


@pytest.fixture
def day(tmp_path):
    (tmp_path / "day.csv").write_bytes(generate(1, 1, faults=True).readings)
    return ShardedJob(tmp_path / "day.csv", graph_of(read_model(SHIPPED_MODEL)), 3)


async def test_the_apps_files_of_shards_merge_to_its_files_of_the_whole(run, day, tmp_path, monkeypatch):
    monkeypatch.setattr(sharded_scores, "BAG_SHARDS", 2)
    buyer = Buyer(run)
    found = await score_in_shards(buyer, day, ShardedPurchase("ados", "stations", max_price="1", key="monday"))
    write_scores(found, tmp_path / "merged", window=36)
    whole = run(SHIPPED_MODEL, {"day.csv": day.readings.read_bytes()}, ["--window", "36"], at="whole").files
    assert {name: (tmp_path / "merged" / name).read_bytes() for name in FILES} == {name: whole[name] for name in FILES}
    assert [terms["key"] for _, _, terms in buyer.bought] == ["monday-0", "monday-2"]
    assert [int(terms["max_price"]) for _, _, terms in buyer.bought] == [10**9, 10**9 - 5]
    assert (found.price, found.bags, len(found.tasks)) == (10, ("bag-0", "bag-1"), 3)


async def test_a_shard_that_failed_is_an_error_and_is_bought_again_on_request(run, day):
    one = replace(day, shards=1)
    with pytest.raises(HostFailed, match="stopped"):
        await score_in_shards(Buyer(run, failing=[0]), one, ShardedPurchase("ados", "stations"))
    buyer = Buyer(run, failing=[0])
    found = await score_in_shards(buyer, one, ShardedPurchase("ados", "stations", key="monday", retry=True))
    assert (buyer.bags[0].retried, found.scores.dqf.shape) == (1, (144, 20))
    with pytest.raises(InputRefused, match="needs the key"):
        await score_in_shards(buyer, one, ShardedPurchase("ados", "stations", retry=True))


async def test_a_retry_spends_no_more_than_the_limit_leaves_after_what_failed(run, day, monkeypatch):
    monkeypatch.setattr(sharded_scores, "BAG_SHARDS", 1)
    buyer = Buyer(run, failing=[0])
    purchase = ShardedPurchase("ados", "stations", key="monday", retry=True, max_price=Amount(10**9))
    await score_in_shards(buyer, replace(day, shards=2), purchase)
    first, second = buyer.bags
    assert first.limits == [10**9 - 5]  # the shard that failed was paid
    assert [terms["max_price"] for _, _, terms in buyer.bought] == [10**9, 10**9 - 10]
    assert second.limits == [10**9 - 15]


async def test_an_error_says_whether_shards_were_bought_before_it(run, day, monkeypatch):
    class PoorBuyer(Buyer):
        async def map(self, app, inputs, model, **terms):
            if self.bags:
                raise OrderRefused("too dear.", money="No money moved.")
            return await super().map(app, inputs, model, **terms)

    (day.readings.parent / "empty").write_text("time,x\n")
    with pytest.raises(InputRefused, match=r"cannot read 'empty'.*No money moved"):
        await score_in_shards(
            Buyer(run), replace(day, readings=day.readings.parent / "empty"), ShardedPurchase("a", "m")
        )
    monkeypatch.setattr(sharded_scores, "BAG_SHARDS", 1)
    with pytest.raises(OrderRefused, match=r"too dear. 1 shards were bought before"):
        await score_in_shards(PoorBuyer(run), day, ShardedPurchase("ados", "stations"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rows": 143}, "damaged"),
        ({"sensors": [3, 1]}, "damaged"),
        ({"shard": [0, 200]}, "damaged"),
        ({"values": "AAAA"}, "damaged"),
        ({"delays": None}, "damaged"),
        ({"columns": [0, 1]}, "damaged"),
        ({"rows": 10**9, "shard": [0, 10**9]}, "make more shards"),
        ({"graph": "00" * 32}, "another graph"),
    ],
    ids=range(8),
)
def test_a_damaged_or_foreign_shard_is_refused(day, tmp_path, change, reason):
    gridded = spool(day.readings, day.graph, tmp_path)
    document = json.loads(write_shard(day.graph, gridded.readings, Shard((4,), 0, 144)))
    content = json.dumps(document | change, separators=(",", ":")).encode()
    with pytest.raises(ReadingsRefused, match=reason):
        read_shard(content).readings(day.graph)


def test_a_shard_with_values_of_absent_readings_or_beyond_the_bounds_is_refused(day, tmp_path):
    gridded = spool(day.readings, day.graph, tmp_path)
    shard = Shard((4,), 0, 144)
    for change in (lambda arrays: arrays.delays.fill(-1), lambda arrays: arrays.present.fill(False)):
        gridded = spool(day.readings, day.graph, tmp_path)
        change(gridded.readings)
        with pytest.raises(ReadingsRefused, match="out of bounds, or of no reading"):
            read_shard(write_shard(day.graph, gridded.readings, shard))


def test_a_shard_without_its_sensors_neighbours_is_refused():
    graph = graph_of(random_model(9, edges=1, seed=3))
    document = json.loads(write_shard(graph, random_readings(60, 9), Shard((4,), 0, 60)))
    other = next(number for number in range(9) if not np.array_equal(graph.near([number]), graph.near([4])))
    content = json.dumps(document | {"sensors": [other]}, separators=(",", ":")).encode()
    with pytest.raises(ReadingsRefused, match="exactly the sensors"):
        read_shard(content).readings(graph)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "other"},
        {"interval": 0},
        {"sensors": ["s0", "s0"]},
        {"neighbours": [[7], [0]]},
        {"neighbours": [[0]]},
    ],
    ids=range(5),
)
def test_a_file_that_is_no_graph_is_refused(change):
    graph = graph_of(random_model(2, edges=1))
    assert read_graph(graph.content()).digest() == graph.digest()
    with pytest.raises(ReadingsRefused, match="the graph is not a file"):
        read_graph(json.dumps(json.loads(graph.content()) | change).encode())


def test_rows_are_split_first_and_large_jobs_make_more_shards():
    assert {each.sensors for each in plan_job(20, 1000, 4)} == {tuple(range(20))}
    assert len({each.sensors for each in plan_job(20, 144, 3)}) == 3
    large = plan_job(1000, 100_000, 2)
    assert len(large) == 100
    assert max(len(each.sensors) * (each.end_row - each.first_row) for each in large) <= sharded_scores.MAX_SHARD_CELLS


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"dqf.csv": b"time,b\nx,1\n"},
        {"dqf.csv": b"time,a\nx,1\nx,2\n"},
        {"dqf.csv": b"time,a\nx,300\n"},
        {"dqf.csv": b"time,a\nx,-1\n"},
    ],
    ids=["none", "sensor", "rows", "dqf", "negative"],
)
def test_tables_of_another_shard_are_no_result(files):
    frame = Frame(("a", "b"), 600, 0, 5)
    with pytest.raises(AppFailed, match="of a shard"):
        read_scores(frame, Shard((0,), 2, 3), {"reasons.csv": b"time,a\nx,\n", **files})
    scores = read_scores(frame, Shard((0,), 2, 3), {"dqf.csv": b"time,a\nx,7\n", "reasons.csv": b"time,a\nx,point\n"})
    assert (scores.dqf.tolist(), scores.reasons.tolist()) == ([[7]], [[1]])
