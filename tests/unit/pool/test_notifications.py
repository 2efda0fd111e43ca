"""Replicas of a pool learn every change of each other, in texts that PostgreSQL permits."""

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.pool.notifications import notifications, parse_notification
from sealgrid.pool.pool_store import Changes
from sealgrid.units import TaskId, to_digest

TASKS = st.frozensets(st.binary(min_size=32, max_size=32).map(lambda raw: TaskId(to_digest(raw))), max_size=250)
REPLICA = "0f" * 8


@given(tasks=TASKS, assignable=st.booleans(), work=st.booleans())
def test_all_changes_arrive_in_texts_of_less_than_8000_bytes(tasks, assignable, work):
    texts = list(notifications(REPLICA, Changes(tasks, assignable, work)))
    assert all(len(text) < 8000 for text in texts)
    found = [parse_notification(text) for text in texts]
    assert {each.replica for each in found} <= {REPLICA}
    assert frozenset[TaskId]().union(*(each.changes.tasks for each in found)) == tasks
    assert bool(texts) == bool(tasks or assignable or work)
    assert all((each.changes.assignable, each.changes.work) == (assignable, work) for each in found)
