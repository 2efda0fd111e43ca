"""How long the rest of a bag takes."""

from sealgrid.sdk.operations.bag_progress import deadline_notice, seconds_left


def test_before_the_first_end_past_runs_are_the_measure():
    assert seconds_left(10, 0, 3.0, 2.0) == 20.0
    assert seconds_left(10, 0, 3.0, None) is None


def test_after_it_the_bags_own_pace_is():
    assert seconds_left(10, 4, 8.0, 100.0) == 12.0
    assert seconds_left(10, 10, 8.0, None) == 0.0


def test_a_bag_that_one_machine_cannot_compute_in_time_says_how_many_can():
    assert deadline_notice(100, 4.0, 400) is None
    assert deadline_notice(100, None, 1) is None
    assert "101 tasks of about 4 s each must end within 400 s of their deal: that takes 2 machines" in deadline_notice(
        101, 4.0, 400
    )
