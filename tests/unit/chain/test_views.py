"""When a task can still be paid, and which deals are proofs."""

import pytest

from sealgrid.chain.views import DealView, PaymentOutcome, ResourceView, TaskStatus, TaskView, payment_outcome
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Nrlc, to_address, to_digest

DIGEST = to_digest(bytes(32))


def task(status: TaskStatus) -> TaskView:
    return TaskView(
        status=status,
        deal=DealId(DIGEST),
        index=0,
        timeref=10,
        contribution_deadline=70,
        reveal_deadline=0,
        final_deadline=100,
        consensus_value=DIGEST,
        reveal_counter=0,
        winner_counter=0,
        contributors=(),
        result_digest=DIGEST,
        results=b"",
        results_callback=b"",
    )


@pytest.mark.parametrize(
    ("status", "time", "outcome"),
    [
        (TaskStatus.UNSET, 1000, PaymentOutcome.OPEN),
        (TaskStatus.ACTIVE, 69, PaymentOutcome.OPEN),
        (TaskStatus.ACTIVE, 70, PaymentOutcome.UNPAID),
        (TaskStatus.REVEALING, 99, PaymentOutcome.OPEN),
        (TaskStatus.REVEALING, 100, PaymentOutcome.UNPAID),
        (TaskStatus.COMPLETED, 0, PaymentOutcome.PAID),
        (TaskStatus.FAILED, 0, PaymentOutcome.UNPAID),
    ],
)
def test_a_task_is_paid_or_never_after_its_deadline(status: TaskStatus, time: int, outcome: PaymentOutcome) -> None:
    assert payment_outcome(task(status), time) is outcome


OWNER, BUYER, MODEL = (to_address(bytes([number]) * 20) for number in (1, 2, 3))
NONE = ResourceView(ZERO_ADDRESS, ZERO_ADDRESS, Nrlc(0))


@pytest.mark.parametrize(
    ("model", "requester", "proves"),
    [
        (ResourceView(MODEL, OWNER, Nrlc(0)), OWNER, True),
        (ResourceView(MODEL, OWNER, Nrlc(1)), OWNER, False),
        (ResourceView(MODEL, OWNER, Nrlc(0)), BUYER, False),
        (NONE, ZERO_ADDRESS, False),
    ],
    ids=["own run at price 0", "own run at a price", "a buyer's run", "no model"],
)
def test_only_an_owners_run_at_price_0_is_a_proof(model: ResourceView, requester: Address, proves: bool):
    matched = DealView(
        deal=DealId(DIGEST),
        app=NONE,
        dataset=model,
        workerpool=NONE,
        trust=1,
        category=0,
        tag=DIGEST,
        requester=requester,
        beneficiary=requester,
        callback=ZERO_ADDRESS,
        params="",
        start_time=0,
        bot_first=0,
        bot_size=1,
        worker_stake=Nrlc(0),
        scheduler_reward_ratio=1,
        sponsor=requester,
    )
    assert matched.is_proof is proves
