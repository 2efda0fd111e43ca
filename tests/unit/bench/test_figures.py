"""The bench tells the truth about its samples: no figure without them, and no job that went wrong counts."""

import msgspec
import pytest

from bench import ados_large_child, table
from bench.__main__ import exit_code, main, run_measure
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target, percentile
from bench.jobs import STEPS, _steps
from bench.machine import this_machine
from bench.networks import Networks
from bench.registry import FIGURES
from bench.workloads import hash_file
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.wire.pool import StageAt

GOOD = Row(label="a", unit="s", samples=(3.0, 1.0, 2.0), target=Target("≤", 2.0), calibration="CPU loop 50 ms")


def test_a_percentile_is_a_sample_that_occurred():
    assert percentile([1.0, 2.0, 3.0], 95) == 3.0
    assert percentile([float(n) for n in range(1, 101)], 95) == 95.0
    assert percentile([5.0], 50) == 5.0


def test_a_figure_with_an_empty_row_is_not_measured_and_the_run_fails():
    empty = Figure("b", (GOOD, Row(label="b", unit="s", samples=())))
    assert exit_code([Figure("a", (GOOD,))]) == 0
    assert exit_code([Figure("a", (GOOD,)), empty]) == 1
    assert exit_code([Figure("a", (GOOD,)), Figure("b", note="skipped")]) == 1
    assert exit_code([]) == 1


def test_a_missed_target_is_shown_and_fails_nothing():
    missed = msgspec.structs.replace(GOOD, shown="p95")
    printed = "\n".join(table.lines([Figure("job", (GOOD, missed))]))
    assert "job: a, median" in printed
    assert " yes " in printed
    assert " NO " in printed
    assert exit_code([Figure("job", (missed,))]) == 0


def test_a_row_shows_its_count_and_the_calibration_beside_it():
    line = table.lines([Figure("job", (GOOD,))])[2]
    assert line.split() == ["job:", "a,", "median", "2.000", "s", "3", "≤", "2", "yes", "CPU", "loop", "50", "ms"]


def test_a_row_without_samples_prints_no_number():
    row = msgspec.structs.replace(GOOD, samples=())
    assert "none" in table.lines([Figure("job", (row,))])[2]
    with pytest.raises(NotMeasured):
        row.value  # noqa: B018


def test_a_large_job_is_split_and_merged_whole(tmp_path):
    found = ados_large_child.main(40, 700, tmp_path)
    assert found["shards"] == 2
    assert 0 < found["before"] <= found["split"] <= found["merged"]


async def test_a_figure_that_breaks_has_no_samples_and_says_why(tmp_path):
    async def breaks(_: Context) -> Figure:
        raise NotMeasured("the plate reader is not here.")

    figure = await run_measure("plates", breaks, Context(True, tmp_path, Networks(tmp_path)))
    assert not figure.measured
    assert "plates: NOT MEASURED: the plate reader is not here." in table.lines([figure])


def test_every_sample_is_kept(tmp_path):
    path = tmp_path / "deep" / "raw.json"
    table.write(table.Raw(this_machine(), "now", True, (Figure("job", (GOOD,)),)), path)
    assert msgspec.json.decode(path.read_bytes(), type=table.Raw).figures[0].rows == (GOOD,)


def test_the_steps_of_a_job_add_up_to_the_whole():
    stages = ["waiting", "assigned", "launched", "attested", "released", "running", "sealed", "finalizing", "completed"]
    history = tuple(StageAt(stage=stage, at=10.0 + 2**n) for n, stage in enumerate(stages))
    steps = _steps(history, 9.0, 300.0)
    assert tuple(steps) == STEPS
    assert sum(steps.values()) == pytest.approx(291.0)


def test_a_wrong_result_is_no_figure():
    with pytest.raises(NotMeasured, match="wrong result"):
        hash_file().expect_right(RunResult({"result.json": b'{"files": []}'}))


def test_an_unknown_name_is_refused_before_anything_starts(capsys):
    with pytest.raises(SystemExit):
        main(["trivial"])
    said = capsys.readouterr().err
    assert [name for name in FIGURES if name not in said] == []
