"""The load divides its tasks into purchases; every input is another one."""

from hypothesis import given
from hypothesis import strategies as st

from chaos.load import content_of, draw_pieces


@given(st.integers(0, 100), st.integers(1, 300), st.integers(0, 300), st.integers(1, 50))
def test_the_purchases_are_all_tasks(seed: int, tasks: int, tee: int, size: int) -> None:
    tee = min(tee, tasks)
    pieces = draw_pieces(seed, tasks, tee, size)
    assert pieces == draw_pieces(seed, tasks, tee, size)
    assert sum(each.tasks for each in pieces if each.is_tee) == tee
    assert sum(each.tasks for each in pieces) == tasks
    assert all(1 <= each.tasks <= size for each in pieces)
    inputs = [content_of(each.number, index) for each in pieces for index in range(each.tasks)]
    assert len(set(inputs)) == tasks
