"""Whether a task was paid, or never can be any more. Pure."""

from enum import Enum

from sealgrid.chain.views import TaskStatus, TaskView


class PaymentOutcome(Enum):
    """What the chain says about the payment of a task."""

    OPEN = "open"  #: it may still be paid
    PAID = "paid"
    UNPAID = "unpaid"  #: it never can be paid any more


def outcome_of(task: TaskView, time: int) -> PaymentOutcome:
    """Return what a confirmed block at ``time`` says about a task's payment.

    PoCo takes no contribution from the contribution deadline on, and none of a task without one is ever finalised.
    """
    if task.status is TaskStatus.COMPLETED:
        return PaymentOutcome.PAID
    if task.status is TaskStatus.FAILED:
        return PaymentOutcome.UNPAID
    if task.status is TaskStatus.ACTIVE and time >= task.contribution_deadline:
        return PaymentOutcome.UNPAID
    if task.status is TaskStatus.REVEALING and time >= task.final_deadline:
        return PaymentOutcome.UNPAID
    return PaymentOutcome.OPEN
