"""The judge finds each planted violation, names it, and finds none in a run that went well."""

import msgspec
import pytest

from chaos.judge import (
    COMPLETED,
    FAILED,
    AccountEvidence,
    Evidence,
    ReleaseEvidence,
    TaskEvidence,
    judge,
)

PAID = TaskEvidence(
    task="0xpaid",
    deal="0xdeal",
    is_tee=True,
    price=10,
    status=COMPLETED,
    finalized=1,
    claimed=0,
    rewards=(("worker", 9), ("pool", 1)),
    book="completed",
    is_stored=True,
)
REFUNDED = TaskEvidence(
    task="0xrefunded",
    deal="0xother",
    is_tee=False,
    price=10,
    status=FAILED,
    finalized=0,
    claimed=1,
    rewards=(("kitty", 3),),
    seized=3,
    book="refunded",
)
GOOD = Evidence(
    planned=2,
    tasks=(PAID, REFUNDED),
    accounts=(
        AccountEvidence("requester", 90, 0),
        AccountEvidence("worker", 10, 0),
        AccountEvidence("kitty", 0, 3, is_kitty=True),
        AccountEvidence("hub", 3, 0, is_hub=True),
    ),
    held=103,
    requester_before=100,
    requester_after=90,
    releases=(ReleaseEvidence("vault", "0xdeal", "0xpaid"),),
    unended=0,
    processes=(),
    files=(),
)


def broken(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    return {each.invariant: each.violations for each in judge(evidence) if not each.holds}


def with_task(**changes: object) -> Evidence:
    return msgspec.structs.replace(GOOD, tasks=(msgspec.structs.replace(PAID, **changes), REFUNDED))


def test_a_run_that_went_well_breaks_nothing_and_its_numbers_are_said() -> None:
    assert broken(GOOD) == {}
    numbers = {each.invariant: each.numbers for each in judge(GOOD)}
    assert numbers["every task is completed or refunded"] == "1 completed, 1 refunded, of 2"
    assert numbers["no secret without a task"] == "1 releases for 1 tasks"


PLANTED = {
    "a task that is still open": (
        with_task(status="ACTIVE", finalized=0, rewards=()),
        "every task is completed or refunded",
    ),
    "a lost purchase": (msgspec.structs.replace(GOOD, planned=3), "each task is bought once"),
    "a task that was bought twice": (msgspec.structs.replace(GOOD, planned=1), "each task is bought once"),
    "a task that was finalized twice": (with_task(finalized=2), "no task is paid twice"),
    "a task that was paid and refunded": (with_task(claimed=1), "no task is paid twice"),
    "a completed task without its payment": (with_task(finalized=0), "no task is paid twice"),
    "a task that paid its worker twice": (
        with_task(rewards=(("worker", 9), ("worker", 9), ("pool", 1))),
        "no task is paid twice",
    ),
    "a requester who paid too much": (msgspec.structs.replace(GOOD, requester_after=80), "no task is paid twice"),
    "a stake that stays locked": (
        msgspec.structs.replace(GOOD, accounts=(*GOOD.accounts[1:], AccountEvidence("requester", 80, 10))),
        "escrow and stakes sum",
    ),
    "locked money that nobody has": (
        msgspec.structs.replace(
            GOOD, accounts=(*GOOD.accounts[:3], AccountEvidence("hub", 2, 0, is_hub=True)), held=102
        ),
        "escrow and stakes sum",
    ),
    "money from nowhere": (msgspec.structs.replace(GOOD, held=102), "escrow and stakes sum"),
    "a secret for a task that does not exist": (
        msgspec.structs.replace(GOOD, releases=(ReleaseEvidence("vault", "0xdeal", "0xnone"),)),
        "no secret without a task",
    ),
    "a secret for a task of another deal": (
        msgspec.structs.replace(GOOD, releases=(ReleaseEvidence("vault", "0xother", "0xpaid"),)),
        "no secret without a task",
    ),
    "a secret for a task without an enclave": (
        msgspec.structs.replace(GOOD, releases=(ReleaseEvidence("vault", "0xother", "0xrefunded"),)),
        "no secret without a task",
    ),
    "a book that lost a task": (with_task(book=""), "the pool's book agrees"),
    "a book with another end": (with_task(book="refunded"), "the pool's book agrees"),
    "a book with open tasks": (msgspec.structs.replace(GOOD, unended=1), "the pool's book agrees"),
    "a paid result that nobody has": (with_task(is_stored=False), "results are stored"),
    "a process": (msgspec.structs.replace(GOOD, processes=("7: bwrap",)), "no process is left"),
    "a file": (msgspec.structs.replace(GOOD, files=("tmp/sealgrid-1",)), "no file is left"),
}


@pytest.mark.parametrize(("evidence", "invariant"), PLANTED.values(), ids=list(PLANTED))
def test_the_judge_finds(evidence: Evidence, invariant: str) -> None:
    assert broken(evidence)[invariant]
