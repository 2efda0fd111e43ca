"""When a task can still be paid."""

import pytest

from sealgrid.chain.views import PaymentOutcome, TaskStatus, TaskView, payment_outcome
from sealgrid.units import DealId, to_digest

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
