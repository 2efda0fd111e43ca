"""Which of the waiting workers gets which task, and in which order."""

from pathlib import Path
from typing import Any

from sealgrid.poco.ids import task_id
from sealgrid.pool import claims
from sealgrid.pool import events as e
from sealgrid.pool.claims import WorkerRequest
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.units import Address, DealId, Digest, TaskId, to_digest
from sealgrid.wire.pool import WorkerCapabilities
from tests.unit.pool.store_scene import ANNA, BERT, StoreScene, deal, enclave

RULES = PoolRules(lease=30, retry=5, margin=5, urgent=100)
CARL = enclave(0x0C)
BUNDLE: Digest = to_digest(b"\x07" * 32)
LONG = {"contribution_deadline": 100_000, "final_deadline": 200_000}


def deal_number(number: int, size: int = 1, **needs: Any) -> e.DealMatched:
    return deal(size, **({"deal": DealId(to_digest(bytes([number]) * 32)), "first": 0, "seconds": 10} | LONG | needs))


def ready(*deals: e.DealMatched, rules: PoolRules = RULES) -> StoreScene:
    scene = StoreScene(*deals, rules=rules)
    for each in deals:
        for index in range(each.size):
            scene.apply(e.TaskInitialized(at=0.5, task=task_id(each.deal, index)))
    return scene


def order_of(scene: StoreScene, count: int, at: float = 1) -> list[str]:
    """Return the deals of the next tasks, by their number."""
    taken = scene.claim(WorkerRequest(ANNA, count), at=at).assignments
    return [str(int(each.deal.deal[2:4], 16)) for each in taken]


def fail(scene: StoreScene, task: TaskId, worker: Address, at: float) -> None:
    fence = scene.task(task).fence
    scene.apply(e.StageReported(at=at, task=task, worker=worker, fence=fence, stage="failed"))


def test_the_task_with_the_least_time_left_goes_first_and_then_the_best_paid() -> None:
    scene = ready(
        deal_number(1, price=10),
        deal_number(2, price=30),
        deal_number(3, contribution_deadline=109),
        deal_number(4, contribution_deadline=108),
        deal_number(5, price=40, seconds=20),
    )
    assert order_of(scene, 5) == ["4", "3", "2", "5", "1"]


def test_a_task_becomes_urgent_as_time_passes() -> None:
    deals = deal_number(1, price=10, contribution_deadline=1000), deal_number(2, price=30)
    assert order_of(ready(*deals), 1, at=889) == ["2"]
    assert order_of(ready(*deals), 1, at=890) == ["1"]


def test_requesters_take_turns_although_one_came_first_with_many_tasks() -> None:
    scene = ready(deal_number(1, 6, requester=ANNA), deal_number(2, 3, requester=BERT))
    assert order_of(scene, 6) == ["1", "2", "1", "2", "1", "2"]


def test_a_requester_that_comes_later_waits_for_no_backlog_and_overtakes_no_share() -> None:
    scene = ready(deal_number(1, 6, requester=ANNA))
    assert order_of(scene, 3) == ["1"] * 3
    later = deal_number(2, 3, requester=BERT)
    scene.apply(later)
    for index in range(3):
        scene.apply(e.TaskInitialized(at=1, task=task_id(later.deal, index)))
    assert order_of(scene, 6) == ["1", "2", "1", "2", "1", "2"]


def test_a_requester_with_longer_tasks_gets_fewer_of_them() -> None:
    scene = ready(
        deal_number(1, 6, requester=ANNA, seconds=10, price=10), deal_number(2, 3, requester=BERT, seconds=20, price=20)
    )
    taken = order_of(scene, 6)
    assert (taken.count("1"), taken.count("2")) == (4, 2)


def test_a_worker_that_has_the_bundle_gets_the_task_before_one_that_waited_longer() -> None:
    scene = ready(deal_number(1, files=(BUNDLE,)))
    cached = WorkerCapabilities(cached=(BUNDLE,))
    (taken,) = scene.claim(WorkerRequest(ANNA), WorkerRequest(BERT, 1, cached), at=1).assignments
    assert taken.task.worker == BERT


def test_a_worker_takes_a_task_whose_bundle_it_has_before_a_few_others() -> None:
    scene = ready(deal_number(1, 5, requester=ANNA), deal_number(2, files=(BUNDLE,), requester=BERT))
    request = WorkerRequest(CARL, 1, WorkerCapabilities(cached=(BUNDLE,)))
    taken = scene.claim(request, at=1).assignments
    assert [each.deal.files for each in taken] == [(BUNDLE,)]


def test_a_task_is_overtaken_for_a_cache_by_a_bounded_number_only() -> None:
    scene = ready(deal_number(1, requester=ANNA), deal_number(2, 40, files=(BUNDLE,), requester=BERT))
    request = WorkerRequest(CARL, 1, WorkerCapabilities(cached=(BUNDLE,)))
    taken = [scene.claim(request, at=1).assignments[0].deal.files for _ in range(40)]
    assert taken.index(()) == claims.LOCAL_WINDOW + 1


def test_an_urgent_task_waits_for_no_cache() -> None:
    scene = ready(deal_number(1, contribution_deadline=60), deal_number(2, files=(BUNDLE,)))
    request = WorkerRequest(ANNA, 1, WorkerCapabilities(cached=(BUNDLE,)))
    assert [each.deal.files for each in scene.claim(request, at=1).assignments] == [()]


def test_a_worker_that_lost_a_task_does_not_get_it_again_while_another_may_take_it() -> None:
    scene = ready(deal_number(1))
    task = task_id(deal_number(1).deal, 0)
    assert scene.take(BERT, slots=0) == []  # known, and busy
    assert scene.take(ANNA) == [task]
    fail(scene, task, ANNA, at=2)
    again = scene.claim(WorkerRequest(ANNA), at=30)
    assert (again.assignments, again.again_at) == ((), 35)
    assert scene.take(ANNA, at=62) == [task], "the other one requested nothing for a minute"


def test_a_worker_that_lost_a_task_gets_it_again_when_no_other_fits_or_time_runs_out() -> None:
    task = task_id(deal_number(1).deal, 0)
    for busy, at in ((WorkerCapabilities(memory=1), 8), (WorkerCapabilities(), 99_900)):
        scene = ready(deal_number(1, memory=2))
        scene.claim(WorkerRequest(BERT, 0, busy), at=at - 1)
        assert scene.take(ANNA, at=at - 6) == [task]
        fail(scene, task, ANNA, at=at - 5)
        assert scene.take(ANNA, at=at) == [task]


def test_a_worker_that_committed_to_a_result_is_not_waited_for() -> None:
    scene = ready(deal_number(1, replicated=True, trust=2))
    (first,) = scene.claim(WorkerRequest(BERT), at=1).assignments
    committed = {"task": first.task.task, "worker": BERT, "fence": first.task.fence, "score": 0}
    scene.apply(e.ResultCommitted(result_hash=BUNDLE, result_seal=BUNDLE, at=2, **committed))
    (task,) = scene.take(ANNA, at=3)
    fail(scene, task, ANNA, at=4)
    assert scene.take(ANNA, at=4 + RULES.retry) == [task]


def test_a_worker_that_loses_tasks_gets_fewer_of_that_app_and_later_until_it_completes_one() -> None:
    rules = PoolRules(lease=30, retry=5, urgent=100, tasks_per_worker=4)
    scene = ready(deal_number(1, 12), deal_number(2, 4, app=enclave(8)), rules=rules)
    first = scene.take(ANNA, slots=4)
    assert len(first) == 4
    for task in first[:2]:
        fail(scene, task, ANNA, at=2)
    assert [scene.task(task).deal for task in scene.take(ANNA, at=3, slots=4)] == [deal_number(2).deal] * 2
    scene.apply(e.TaskFinalized(at=4, task=first[2]))
    assert [scene.task(task).deal for task in scene.take(ANNA, at=4, slots=4)] == [deal_number(1).deal]


def test_a_task_that_fits_is_found_behind_many_that_do_not() -> None:
    scene = ready(deal_number(1, 100, memory=9), deal_number(2, 1))
    small = WorkerRequest(ANNA, 1, WorkerCapabilities(memory=1))
    result = scene.claim(small, at=1)
    assert [each.deal.deal for each in result.assignments] == [deal_number(2).deal]
    nothing = scene.claim(small, at=1)
    assert (nothing.assignments, nothing.more) == ((), False)


def test_a_task_is_found_behind_many_that_this_worker_lost() -> None:
    scene = ready(deal_number(1, 30))
    tasks = scene.take(ANNA, slots=29)
    for task in tasks:
        fail(scene, task, ANNA, at=2)
    scene.take(BERT, at=600, slots=0)
    assert scene.take(ANNA, at=603) == [task_id(deal_number(1).deal, 29)]


def test_of_unanswered_tasks_that_exceed_the_free_slots_each_store_repeats_the_same(tmp_path: Path) -> None:
    deals = [deal_number(number) for number in range(1, 7)]
    repeated = []
    for store in (None, SqlPoolStore(f"sqlite:///{tmp_path}/tasks.sqlite", RULES)):
        scene = StoreScene(rules=RULES, store=store)
        for each in deals:
            scene.apply(each)
            scene.apply(e.TaskInitialized(at=0.5, task=task_id(each.deal, 0)))
        assert len(scene.claim(WorkerRequest(ANNA, 6), at=1).assignments) == 6
        again = scene.claim(WorkerRequest(ANNA, 2), at=1 + RULES.retry).assignments
        repeated.append([each.task.task for each in again])
    assert repeated[0] == repeated[1] == sorted(repeated[0])
