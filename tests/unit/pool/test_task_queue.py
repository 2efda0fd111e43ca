"""Caps of requesters and apps, and when a task leaves its backlog."""

from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task_queue import fill_queue
from tests.unit.pool.store_scene import ANNA, BERT, StoreScene, enclave
from tests.unit.pool.test_claims import deal_number

CAPPED = PoolRules(tasks_per_requester=3, tasks_per_app=5)


def initialised(*deals: e.DealMatched, rules: PoolRules = CAPPED) -> StoreScene:
    scene = StoreScene(*deals, rules=rules)
    for each in deals:
        for index in range(each.size):
            scene.apply(e.TaskInitialized(at=1, task=task_id(each.deal, index)))
    return scene


def open_tasks(scene: StoreScene, matched: e.DealMatched) -> list[int]:
    """Return the indexes of the tasks of a deal that are in the queue or with workers."""
    return [index for index in range(matched.size) if scene.task(task_id(matched.deal, index)).queued]


def test_a_requester_has_no_more_open_tasks_than_it_may_and_others_are_not_stopped() -> None:
    many, few = deal_number(1, 10, requester=ANNA), deal_number(2, 2, requester=BERT, app=enclave(8))
    scene = initialised(many, few)
    assert (open_tasks(scene, many), open_tasks(scene, few)) == ([0, 1, 2], [0, 1])


def test_an_app_has_no_more_open_tasks_than_it_may() -> None:
    deals = deal_number(1, 3, requester=ANNA), deal_number(2, 3, requester=BERT)
    scene = initialised(*deals)
    assert [len(open_tasks(scene, each)) for each in deals] == [3, 2]


def test_the_next_task_enters_the_queue_when_one_ends_and_not_when_a_worker_loses_one() -> None:
    many = deal_number(1, 10)
    scene = initialised(many)
    (taken,) = scene.take(ANNA, at=2)
    scene.apply(e.StageReported(at=3, task=taken, worker=ANNA, fence=1, stage="failed"))
    assert len(open_tasks(scene, many)) == 3
    scene.apply(e.TaskFinalized(at=4, task=taken))
    assert open_tasks(scene, many) == [0, 1, 2, 3], "the first one has ended"


def test_of_a_backlog_the_task_that_must_start_first_goes_first() -> None:
    late, soon = deal_number(1, 4), deal_number(2, 1, contribution_deadline=5000)
    scene = initialised(late, soon)
    assert (len(open_tasks(scene, late)), open_tasks(scene, soon)) == (3, [])
    scene.apply(e.TaskFinalized(at=4, task=task_id(late.deal, 0)))
    assert open_tasks(scene, soon) == [0]


def test_without_caps_all_tasks_of_all_backlogs_enter_the_queue() -> None:
    deals = [deal_number(number, 1, requester=enclave(number)) for number in range(1, 131)]
    scene = initialised(*deals, rules=PoolRules(tasks_per_requester=1))
    again = [deal_number(number, 1, requester=enclave(number), app=enclave(250)) for number in range(131, 256)]
    for each in again:
        scene.apply(each)
        scene.apply(e.TaskInitialized(at=1, task=task_id(each.deal, 0)))
    assert all(open_tasks(scene, each) == [0] for each in (*deals, *again))


def test_one_call_looks_at_a_bounded_number_of_backlogs_and_the_next_goes_on() -> None:
    deals = [deal_number(number, 2, requester=enclave(number)) for number in range(1, 151)]
    scene, after, calls = initialised(*deals, rules=PoolRules(tasks_per_requester=1)), None, 0
    while calls == 0 or after is not None:
        with scene.store.transaction() as rows:
            after = fill_queue(rows, 2, PoolRules(tasks_per_requester=1), after)
        calls += 1
    assert calls == 2
    assert all(open_tasks(scene, each) == [0] for each in deals)
