"""Sums as lines and as bars."""

from typing import get_args

from sealgrid.cli.run_tables import BAR_WIDTH, SumsBy, bar_lines, latest_run_lines, run_summary, sum_lines
from sealgrid.receipts.run_record import RunRecord, RunTimes
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.operations.latest_runs import LatestRuns
from sealgrid.sdk.operations.run_sums import RunSum, SumBy

SUMS = [
    RunSum("0x" + "11" * 20, "iris", 3, amount("4")),
    RunSum("", "", 1, amount("1")),
    RunSum("free", "", 2, amount("0")),
]


def test_how_tasks_ended_has_a_line_for_each_end_that_occurred():
    record = RunRecord(answers=3, failures=1, refunded=2, cold=RunTimes(1, 9.0))
    lines = list(latest_run_lines(LatestRuns(record, 6, is_complete=False)))
    assert [line.split("  ")[-1] for line in lines[1:4]] == [
        "answers, by verified receipts",
        "the app failed, or the model's file did not open",
        "no result, and unpaid: machines failed, or the vaults refused unpaid",
    ]
    assert (lines[0].split(" ", 1)[1].strip(), len(lines)) == ("6, and older ones", 6)
    assert [line.split(maxsplit=2)[2] for line in lines[4:]] == ["9 s on a machine, the median of 1", "unknown"]


def test_the_ends_and_medians_of_a_list_are_one_line():
    record = RunRecord(answers=3, failures=1, refunded=2, cold=RunTimes(1, 9.0), warm=RunTimes(2, 2.5))
    assert run_summary(LatestRuns(record, 6, is_complete=True)) == (
        "latest 6 runs: 3 of 4 answered (75%), 1 failed, 2 refunded, median 2.5 s, first run on a machine 9 s"
    )
    assert run_summary(LatestRuns(RunRecord(), 0, is_complete=True)) == "no runs"
    assert run_summary(LatestRuns(RunRecord(open=1), 1, is_complete=True)) == "latest 1 runs: 1 not ended"


def test_the_options_are_the_kinds_of_the_sdk():
    assert tuple(each.value for each in SumsBy) == get_args(SumBy)


def test_a_line_has_amount_count_and_name():
    assert [line.split() for line in sum_lines(SUMS)] == [
        ["4", "RLC", "3", "runs", "0x" + "11" * 20, "iris"],
        ["1", "RLC", "1", "run", "no", "model"],
        ["0", "RLC", "2", "runs", "free"],
    ]


def test_a_bar_is_as_long_as_the_share_of_the_largest_amount():
    bars = list(bar_lines(SUMS))
    assert [line.count("█") for line in bars] == [BAR_WIDTH, BAR_WIDTH // 4, 0]
    assert bars[1].endswith("1 RLC (1 run)")
    assert bars[1].startswith("no model  █")


def test_a_small_amount_is_visible_and_no_sum_has_no_bars():
    small = [RunSum("a", "", 1, amount("1000")), RunSum("b", "", 1, amount("1 nRLC"))]
    assert [line.count("█") for line in bar_lines(small)] == [BAR_WIDTH, 1]
    assert list(bar_lines([])) == []
