"""The transitions of one task, and what the public sees of its history."""

import msgspec
import pytest

from sealgrid.pool.task import ENDED, MAX_DETAIL, PoolTask, decline, lose, move, public_history, report, resolve_refusal
from sealgrid.units import to_address
from sealgrid.wire.pool import StageAt
from tests.unit.pool.pool_scene import DEAL, TASK

WORKER = to_address(b"\x0a" * 20)


def task(stage: str, **fields: object) -> PoolTask:
    return PoolTask(task=TASK, deal=DEAL, index=0, stage=stage, history=(), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", ENDED)
def test_a_step_that_the_table_lacks_changes_nothing(stage: str) -> None:
    ended = task(stage, worker=WORKER)
    assert move(ended, "close", 1.0) is ended
    assert lose(ended, 1.0, "silent") is ended


def test_details_are_cut() -> None:
    assert len(move(task("waiting"), "close", 1.0, "x" * 1000).history[0].detail) == MAX_DETAIL


def test_a_report_of_an_earlier_stage_renews_the_lease_only() -> None:
    running = report(task("running"), "launched", 9.0, "")
    assert (running.stage, running.last_report, running.history) == ("running", 9.0, ())


def test_a_report_of_the_present_stage_may_bring_a_new_detail() -> None:
    first = report(task("attested"), "released", 5.0, "")
    assert [(each.stage, each.detail) for each in report(first, "released", 6.0, "half").history] == [
        ("released", "half")
    ]
    told = report(report(first, "released", 6.0, "half"), "released", 7.0, "x" * 1000)
    assert [(each.stage, each.at, len(each.detail)) for each in told.history] == [("released", 5.0, MAX_DETAIL)]
    assert report(told, "released", 8.0, "").history == told.history
    assert report(told, "attested", 8.0, "late").history == told.history


def test_a_denied_refusal_excludes_its_worker() -> None:
    declined = decline(task("running", worker=WORKER), 2.0, "7.10", "refused")
    assert (declined.stage, declined.claimed_check, declined.worker) == ("waiting", "7.10", None)
    denied = resolve_refusal(declined, 3.0, "", "", denied=True)
    assert (denied.stage, denied.claimed_check, denied.excluded) == ("waiting", "", (WORKER,))
    confirmed = resolve_refusal(declined, 3.0, "7.10", "the vaults refuse", denied=False)
    last = confirmed.history[-1]
    assert (confirmed.stage, last.detail, last.check) == ("failed", "the vaults refuse", "7.10")


def test_the_public_history_has_the_vaults_refusal_but_no_failure_of_a_worker() -> None:
    refused = StageAt(stage="failed", at=5.5, detail="2 of 3 vaults refuse the deal", check="7.10")
    assert public_history([refused]) == (msgspec.structs.replace(refused, at=5),)
    assert public_history([StageAt(stage="failed", at=5.5, detail="secret")]) == (StageAt(stage="failed", at=5),)


def test_the_public_history_has_coarse_stages_whole_seconds_and_no_details() -> None:
    stages = (("waiting", 1.2), ("assigned", 2.7), ("running", 3.1), ("waiting", 4.9), ("failed", 5.5))
    history = [StageAt(stage=stage, at=at, detail="secret") for stage, at in stages]  # type: ignore[arg-type]
    assert public_history(history) == tuple(
        StageAt(stage=stage, at=at)  # type: ignore[arg-type]
        for stage, at in (("waiting", 1), ("working", 2), ("waiting", 4), ("failed", 5))
    )
