"""Tasks without a TEE whatever goes wrong: no false result is paid, stakes are kept, and each task ends once."""

from dataclasses import fields

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.poco.consensus import ConsensusTally
from sealgrid.pool import next_actions, replication, step
from sealgrid.pool.replication import Replication
from sealgrid.pool.task import PoolTask
from tests.unit.pool.scenario import EVERYTHING, Behaviour, Faults, InvariantBroken, Scenario
from tests.unit.pool.simulated_chain import ESCROW, PRICE
from tests.unit.pool.simulation import Simulation
from tests.unit.pool.test_simulation import SEEDS

EVERYBODY: tuple[Behaviour, ...] = ("liar", "turncoat", "absent", "hidden")


def run(seed: int, **other: object) -> Simulation:
    """Run a scenario in which no task has a TEE."""
    calm = {"faults": Faults(), "picky": False, "replicated": 1, "workers": 8, "tasks": 20}
    simulation = Simulation(Scenario(seed, **{**calm, **other}))  # type: ignore[arg-type]
    simulation.run()
    return simulation


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_task_ends_well_whatever_goes_wrong_at_two_processes_of_a_pool(seed: int) -> None:
    run(seed, workers=16, tasks=60, replicated=2, processes=2, dishonest=EVERYBODY, picky=True, faults=EVERYTHING)


probabilities = st.sampled_from([0.0, 0.02, 0.2])


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        Scenario,
        seed=st.integers(0, 2**32),
        workers=st.integers(1, 10),
        tasks=st.integers(1, 30),
        slots=st.integers(1, 3),
        work_seconds=st.sampled_from([1.0, 20.0, 200.0]),
        delay=st.sampled_from([0.5, 2.0, 10.0]),
        contribution_seconds=st.sampled_from([70, 350, 1200]),
        picky=st.booleans(),
        processes=st.integers(1, 2),
        replicated=st.integers(1, 2),
        replicas=st.integers(2, 4),
        dishonest=st.lists(st.sampled_from(EVERYBODY), max_size=4).map(tuple),
        faults=st.builds(Faults, *[probabilities] * len(fields(Faults))),
    )
)
def test_every_task_ends_in_any_scenario(scenario: Scenario) -> None:
    Simulation(scenario).run()


def test_honest_workers_complete_every_task_and_share_the_price() -> None:
    simulation = run(1)
    earned = [escrow - ESCROW for escrow in simulation.chain.escrow.values()]
    assert simulation.completed == 20
    assert min(earned) >= 0
    assert sum(earned) + simulation.chain.paid["pool"] == 20 * 13


def test_a_liar_loses_stakes_to_the_honest_and_no_task() -> None:
    # PoCo leaves no room for it where as few agree as the trust demands, such as two at trust 3.
    simulation = run(1, dishonest=("liar",), replicas=3, tasks=60)
    liar, *honest = simulation.chain.escrow.values()
    assert simulation.completed == 60
    assert liar < ESCROW <= min(honest)


def test_a_task_whose_winners_hide_is_reopened_and_completed_by_others() -> None:
    simulation = run(1, dishonest=("hidden", "hidden"))
    assert simulation.completed == 20
    assert max(list(simulation.chain.escrow.values())[:2]) < ESCROW


def test_absentees_are_replaced_and_lose_nothing() -> None:
    simulation = run(1, dishonest=("absent", "absent"))
    assert simulation.completed == 20
    assert list(simulation.chain.escrow.values())[:2] == [ESCROW, ESCROW]


def test_workers_that_never_agree_get_their_stakes_back_and_requesters_their_price() -> None:
    simulation = run(1, dishonest=("liar",) * 8, workers=8)
    assert simulation.completed == 0
    assert simulation.chain.paid["requester"] == 20 * PRICE
    assert set(simulation.chain.escrow.values()) == {ESCROW}


def test_a_pool_that_believes_the_first_result_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "commit", lambda known, new, *rules: replication.commit(known, new, 1, 1))
    with pytest.raises(InvariantBroken, match="on which 1 workers agree"):
        run(1)


def test_a_pool_that_finalizes_whatever_the_chain_found_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def due(known: Replication) -> str:
        return replication.call_due(msgspec.structs.replace(known, agreed=known.tally.consensus or known.agreed))

    monkeypatch.setattr(next_actions, "call_due", due)
    with pytest.raises(InvariantBroken, match=r"a false result of 0x\w+ is finalized"):
        run(1, dishonest=("turncoat",) * 4)


def test_a_pool_that_lets_a_worker_compute_a_task_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Replication, "workers", frozenset())
    with pytest.raises(InvariantBroken, match=r"commits to two results of 0x\w+"):
        run(1, workers=1, tasks=2)


def test_a_pool_that_gives_a_task_to_more_workers_than_it_needs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_assignable(task: PoolTask) -> bool:
        wants_more = msgspec.structs.replace(task, wanted=task.wanted + 1)
        return next_actions.is_assignable(wants_more)

    monkeypatch.setattr(step, "is_assignable", is_assignable)
    monkeypatch.setattr("tests.unit.pool.memory_pool_store.is_assignable", is_assignable)
    with pytest.raises(InvariantBroken, match=r"0x\w+ is with \("):
        run(1)


def test_a_payment_that_loses_money_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    finalize = ConsensusTally.finalize

    def without_the_pool(*arguments: object) -> object:
        return msgspec.structs.replace(finalize(*arguments), pool_reward=0)  # type: ignore[arg-type]

    monkeypatch.setattr(ConsensusTally, "finalize", without_the_pool)
    with pytest.raises(InvariantBroken, match="money is missing"):
        run(1)
