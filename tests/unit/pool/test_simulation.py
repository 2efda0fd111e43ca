"""Whatever goes wrong, each task is completed or refunded once, and a late worker changes nothing."""

import os
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.pool import claims, next_actions, operations, step, task_queue
from sealgrid.pool import events as e
from sealgrid.pool.effects import SignAuthorisation
from sealgrid.pool.matching import LOCAL_WINDOW
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import PoolTask
from tests.unit.pool.scenario import EVERYTHING, Faults, InvariantBroken, Scenario, without
from tests.unit.pool.simulation import Simulation

SEEDS = int(os.environ.get("SEALGRID_SEEDS", "10"))  #: 200 in `make chaos`


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_task_ends_well_whatever_goes_wrong(seed: int) -> None:
    simulation = Simulation(Scenario(seed))
    simulation.run()
    assert simulation.completed >= 0.9 * len(simulation.chain.tasks)


probabilities = st.sampled_from([0.0, 0.02, 0.2])
faults = st.builds(Faults, *[probabilities] * 8)


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        Scenario,
        seed=st.integers(0, 2**32),
        workers=st.integers(1, 12),
        tasks=st.integers(1, 40),
        slots=st.integers(1, 3),
        work_seconds=st.sampled_from([1.0, 20.0, 200.0]),
        delay=st.sampled_from([0.5, 2.0, 10.0]),
        contribution_seconds=st.sampled_from([70, 350, 1200]),
        picky=st.booleans(),
        faults=faults,
    )
)
def test_every_task_ends_in_any_scenario(scenario: Scenario) -> None:
    Simulation(scenario).run()


def test_messages_that_arrive_after_their_assignment_has_ended_change_nothing() -> None:
    run_seeds(5)


def test_without_faults_every_task_is_completed() -> None:
    simulation = Simulation(Scenario(1, faults=Faults()))
    simulation.run()
    assert simulation.completed == len(simulation.chain.tasks)


def test_two_requesters_share_the_workers_while_both_have_tasks() -> None:
    simulation = Simulation(Scenario(1, workers=5, tasks=200, picky=False, faults=Faults()))
    simulation.run()
    assert min(simulation.judge.turns.values()) >= 50
    assert simulation.judge.unfairness <= LOCAL_WINDOW + 5


def test_a_bag_ends_before_its_slowest_worker_by_a_copy_of_its_last_task() -> None:
    slow = Scenario(1, workers=6, tasks=20, slots=1, picky=False, slowness=20, faults=Faults())
    with_rule, without_rule = Simulation(slow), Simulation(replace(slow, tail=False))
    with_rule.run()
    without_rule.run()
    assert (with_rule.completed, without_rule.completed) == (20, 20)
    assert (with_rule.judge.tail_copies > 0, without_rule.judge.tail_copies) == (True, 0)
    assert with_rule.time.now < without_rule.time.now / 2


def test_without_workers_everything_is_refunded() -> None:
    simulation = Simulation(Scenario(1, workers=0))
    simulation.run()
    assert (simulation.completed, simulation.chain.paid["requester"]) == (0, 10 * len(simulation.chain.tasks))


def test_the_same_seed_is_the_same_run() -> None:
    first, second = Simulation(Scenario(3, tasks=40)), Simulation(Scenario(3, tasks=40))
    first.run()
    second.run()
    assert (first.time.events, first.time.now, first.chain.paid) == (
        second.time.events,
        second.time.now,
        second.chain.paid,
    )


def test_a_large_grid_runs_ten_tasks_for_each_worker() -> None:
    workers = 100 if SEEDS <= 10 else 1000
    simulation = Simulation(Scenario(1, workers=workers, tasks=10 * workers, faults=without(EVERYTHING, "restart")))
    simulation.run()
    assert simulation.completed >= 0.9 * len(simulation.chain.tasks)


def run_seeds(number: int) -> None:
    for seed in range(number):
        late = replace(EVERYTHING, fail=0.3, double=0.3)  # a worker often gets a task again before it is heard
        Simulation(Scenario(seed, workers=2, delay=10.0, faults=late)).run()


def test_a_pool_that_forgets_fences_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check finds the defect: calls of an earlier assignment of the same worker count."""

    def take_any_fence(task: PoolTask, deal: e.DealMatched, event: e.AnyTaskEvent, rules: PoolRules):
        if isinstance(event, e.WorkerEvent):
            event = msgspec.structs.replace(event, fence=task.fence)
        return step.step(task, deal, event, rules)

    monkeypatch.setattr(operations, "step", take_any_fence)
    with pytest.raises(InvariantBroken, match="was heard after"):
        run_seeds(50)


def test_a_pool_that_never_claims_refunds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        operations,
        "chain_call",
        lambda task: call if (call := next_actions.chain_call(task)) and call.kind == "initialize" else None,
    )
    with pytest.raises(InvariantBroken, match="have not ended"):
        Simulation(Scenario(1, workers=0)).run()


def test_a_pool_that_ignores_caps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_queue, "_room", lambda rows, backlog, rules: 500)
    with pytest.raises(InvariantBroken, match=r"tasks of \w+ 0x\w+ are open"):
        Simulation(Scenario(1, workers=2)).run()


def test_a_pool_that_serves_only_workers_with_a_cache_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims._Claim, "_give", lambda self, queued, takers: None)
    with pytest.raises(InvariantBroken, match="although"):
        Simulation(Scenario(1)).run()


def test_a_pool_that_authorises_another_enclave_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def authorise_another(task: PoolTask, deal: e.DealMatched, event: e.AnyTaskEvent, rules: PoolRules):
        after, effects = step.step(task, deal, event, rules)
        return after, tuple(
            msgspec.structs.replace(each, enclave=deal.app) if isinstance(each, SignAuthorisation) else each
            for each in effects
        )

    monkeypatch.setattr(operations, "step", authorise_another)
    with pytest.raises(InvariantBroken, match="that the pool did not authorise"):
        Simulation(Scenario(1)).run()


def test_a_pool_that_takes_a_refund_for_a_payment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe(task: PoolTask, deal: e.DealMatched, event: e.AnyTaskEvent, rules: PoolRules):
        if isinstance(event, e.TaskRefunded):
            event = e.TaskFinalized(task=event.task, at=event.at)
        return step.step(task, deal, event, rules)

    monkeypatch.setattr(operations, "step", believe)
    with pytest.raises(InvariantBroken, match="is completed at the pool and failed on the chain"):
        Simulation(Scenario(1, workers=0)).run()
