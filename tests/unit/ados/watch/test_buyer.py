"""What is bought for a window, and how its end is told."""

from sealgrid.ados.watch.buyer import arguments, ended_state
from sealgrid.ados.watch.journal import WindowRecord
from sealgrid.errors import AppFailed
from sealgrid.sdk.resources.bags import ShardOutcome

RECORD = WindowRecord(window=5, start=18_000, end=21_600)


def test_a_window_is_one_task_and_for_a_feed_one_of_each_station():
    assert arguments(RECORD, 6) == [("--window", "6")]
    for_feed = WindowRecord(window=5, start=18_000, end=21_600, stations=("a", "b"))
    assert arguments(for_feed, 6) == [
        ("--window", "6", "--start", "18000", "--station", station) for station in ("a", "b")
    ]


def test_a_window_with_a_task_that_failed_says_why():
    good = ShardOutcome(0, "", None, None, None)
    bad = ShardOutcome(1, "", None, None, AppFailed("the app failed.", task="0x", log="", exit=2))
    assert ended_state([good]) == {"state": "answered"}
    assert ended_state([good, bad]) == {"state": "failed", "reason": "the app failed."}
