"""A pool's readings as lines and charts."""

from sealgrid.cli.top import BARS, chart, top_lines
from sealgrid.units import ZERO_ADDRESS
from sealgrid.wire.pool import PoolView, QueueView


def view(waiting: int, completed: int = 0) -> PoolView:
    queue = QueueView(waiting=waiting, working=2, completed=completed, refunded=0)
    return PoolView(workerpool=ZERO_ADDRESS, owner=ZERO_ADDRESS, workers=3, seconds=0, queue=queue)


def test_each_count_has_its_newest_value_and_a_chart_of_the_earlier_ones():
    lines = list(top_lines([view(0), view(35), view(70, completed=5)], "local"))
    assert lines[0].startswith(f"pool {ZERO_ADDRESS} of local at ")
    assert [line.split()[:2] for line in lines[1:]] == [
        ["workers", "3"],
        ["waiting", "70"],
        ["working", "2"],
        ["completed", "5"],
        ["refunded", "0"],
    ]
    assert lines[2].endswith(BARS[0] + BARS[3] + BARS[7])


def test_a_pool_that_reports_no_queue_has_no_counts():
    bare = PoolView(workerpool=ZERO_ADDRESS, owner=ZERO_ADDRESS, workers=0, seconds=0)
    assert len(list(top_lines([bare], "local"))) == 2


def test_one_reading_and_zeros_have_no_chart():
    assert chart([5]) == chart([0, 0]) == ""
    assert chart([1, 1]) == BARS[-1] * 2
