"""Which worker fits which task, and what failures of a worker mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.poco.tags import GPU, NO_TAG, TEE, TEE_TAG
from sealgrid.pool import events as e
from sealgrid.pool.matching import (
    AppFailures,
    allowed_tasks,
    cached_files,
    fits,
    losses,
    pause_ends,
    requirement,
    success,
)
from sealgrid.pool.rules import PoolRules
from sealgrid.units import to_digest
from sealgrid.wire.pool import WorkerCapabilities
from tests.unit.pool.store_scene import ANNA, TASK, assigned, deal, enclave

GPU_TAG = to_digest((TEE | GPU).to_bytes(32, "big"))
UNKNOWN_TAG = to_digest((1 << 200 | TEE).to_bytes(32, "big"))
RULES = PoolRules(retry=5, tasks_per_worker=4)


@pytest.mark.parametrize(
    ("capabilities", "needs", "may"),
    [
        ({}, {"tag": TEE_TAG}, True),
        ({}, {"tag": NO_TAG}, True),
        ({}, {"tag": GPU_TAG}, False),
        ({"tag": GPU_TAG}, {"tag": GPU_TAG}, True),
        ({"tag": to_digest(b"\xff" * 32)}, {"tag": UNKNOWN_TAG}, False),
        ({"enclaves_only": True}, {"tag": TEE_TAG}, True),
        ({"enclaves_only": True}, {"tag": NO_TAG}, False),
        ({"memory": 4}, {"memory": 4}, True),
        ({"memory": 4}, {"memory": 5}, False),
        ({"memory": 4}, {"memory": 0}, True),
        ({}, {"memory": 1 << 40}, True),
        ({"apps": (enclave(9),)}, {"app": enclave(9)}, True),
        ({"apps": (enclave(8),)}, {"app": enclave(9)}, False),
        ({"requesters": (ANNA,)}, {"requester": ANNA}, True),
        ({"requesters": (enclave(8),)}, {"requester": ANNA}, False),
    ],
)
def test_a_task_fits_a_worker_that_has_what_it_needs_and_takes_it(capabilities, needs, may) -> None:
    assert fits(WorkerCapabilities(**capabilities), deal(**needs)) is may


@given(st.integers(0, (1 << 256) - 1))
def test_a_tag_is_a_number_that_databases_hold_or_nobodys(tag: int) -> None:
    number = requirement(to_digest(tag.to_bytes(32, "big")))
    assert number == (tag if tag < 1 << 62 else -1)


def test_the_files_that_a_worker_has_are_counted() -> None:
    bundle, model, other = (to_digest(bytes([number]) * 32) for number in (1, 2, 3))
    assert cached_files(WorkerCapabilities(cached=(other, bundle)), deal(files=(bundle, model))) == 1


@pytest.mark.parametrize(("count", "allowed", "pause"), [(0, 4, None), (1, 2, 0), (2, 1, 5), (3, 1, 15), (40, 1, 600)])
def test_a_worker_gets_fewer_tasks_of_an_app_that_it_loses_and_later(count: int, allowed: int, pause: float) -> None:
    failures = AppFailures(ANNA, enclave(9), count, 100.0) if count else None
    assert allowed_tasks(failures, RULES) == allowed
    assert pause_ends(failures, RULES) == (0.0 if pause is None else 100.0 + pause)


def test_a_failure_and_a_silence_are_losses_of_the_worker() -> None:
    for act in (lambda scene: scene.report(ANNA, "failed"), lambda scene: scene.expire(31)):
        scene = assigned()
        before = scene.task()
        act(scene)
        assert losses(before, scene.task()) == (ANNA,)


def test_a_reported_refusal_is_a_loss_only_when_the_vaults_deny_it() -> None:
    for denied, lost in ((True, (ANNA,)), (False, ())):
        scene = assigned()
        before = scene.task()
        scene.report(ANNA, "failed", check="7.10")
        reported = scene.task()
        scene.apply(e.VaultsAnswered(at=4, task=TASK, denied=denied))
        assert (losses(before, reported), losses(reported, scene.task())) == ((), lost)


def test_a_deadline_is_no_loss_and_only_the_chain_makes_a_success() -> None:
    scene = assigned()
    scene.report(ANNA, "running", at=690)
    before = scene.task()
    scene.expire(700)
    assert (losses(before, scene.task()), success(before, scene.task())) == ((), None)
    scene.apply(e.TaskFinalized(at=701, task=TASK))
    assert success(before, scene.task()) == ANNA
