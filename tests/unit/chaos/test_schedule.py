"""A seed gives the same faults each time; every kind occurs, at a part that it can happen to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.schedule import FaultKind, Parts, draw_schedule

PARTS = Parts(
    workers=("worker-1", "worker-2"),
    replicas=("pool", "pool-2"),
    vaults=("vault-1", "vault-2", "vault-3"),
    storages=("storage", "storage-2"),
    database="postgres",
    chain="chain",
)
ALL = len(FaultKind)


@given(st.integers(0, 2**32), st.integers(1, 100))
def test_the_same_seed_is_the_same_schedule_in_the_order_of_time(seed: int, count: int) -> None:
    faults = draw_schedule(seed, 600, count, PARTS)
    assert faults == draw_schedule(seed, 600, count, PARTS)
    assert len(faults) == count
    assert [each.at for each in faults] == sorted(each.at for each in faults)
    assert all(0 < each.at < 600 for each in faults)


def test_another_seed_is_another_schedule() -> None:
    assert draw_schedule(1, 600, ALL, PARTS) != draw_schedule(2, 600, ALL, PARTS)


@given(st.integers(0, 2**32))
def test_every_kind_occurs_once_before_any_occurs_again(seed: int) -> None:
    faults = draw_schedule(seed, 600, 2 * ALL, PARTS)
    for half in (faults[:ALL], faults[ALL:]):
        assert {each.kind for each in half} == set(FaultKind)


def test_a_schedule_of_some_kinds_has_no_other() -> None:
    of = (FaultKind.KILL_WORKER, FaultKind.KILL_STORAGE)
    assert [each.kind for each in draw_schedule(7, 600, 6, PARTS, of)].count(FaultKind.KILL_STORAGE) == 3
    assert {each.kind for each in draw_schedule(7, 600, 6, PARTS, of)} == set(of)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("worker", PARTS.workers),
        ("replica", PARTS.replicas),
        ("vault", PARTS.vaults),
        ("storage", PARTS.storages),
        ("messages", PARTS.links),
        ("PostgreSQL", ("postgres",)),
        ("chain", ("chain",)),
    ],
)
def test_a_fault_happens_to_a_part_of_its_kind(word: str, parts: tuple[str, ...]) -> None:
    found = {each.target for each in draw_schedule(7, 600, 20 * ALL, PARTS) if word in each.kind.value}
    assert found == set(parts)


def test_amounts_fit_their_kind() -> None:
    faults = draw_schedule(7, 600, 20 * ALL, PARTS)
    amounts = {kind: [each.amount for each in faults if each.kind is kind] for kind in FaultKind}
    assert all(1 <= each <= 4 for each in amounts[FaultKind.REORGANISE_CHAIN])
    assert all(0 < each < 1 for each in amounts[FaultKind.DROP_MESSAGES])
    clocks = amounts[FaultKind.SET_WORKERS_CLOCK]
    assert min(clocks) < -600
    assert max(clocks) > 600
