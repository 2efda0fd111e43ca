"""PoCo's views of deals, tasks, contributions and accounts (IexecLibCore_v5), and the outcome of a payment. Pure."""

from enum import Enum, IntEnum

import msgspec

from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, Nrlc


class TaskStatus(IntEnum):
    """State of a task."""

    UNSET = 0
    ACTIVE = 1
    REVEALING = 2
    COMPLETED = 3
    FAILED = 4


class ContributionStatus(IntEnum):
    """State of one worker's contribution."""

    UNSET = 0
    CONTRIBUTED = 1
    PROVED = 2
    REJECTED = 3


class ResourceView(msgspec.Struct, frozen=True):
    """An app, dataset or pool in a deal: its owner and price at the match."""

    pointer: Address  #: zero in a deal without a dataset
    owner: Address
    price: Nrlc


class DealView(msgspec.Struct, frozen=True, kw_only=True):
    """A deal, as matched; times in Unix seconds of the chain."""

    deal: DealId
    app: ResourceView
    dataset: ResourceView
    workerpool: ResourceView
    trust: int
    category: int
    tag: Digest
    requester: Address
    beneficiary: Address
    callback: Address
    params: str
    start_time: int
    bot_first: int  #: index of the deal's first task
    bot_size: int
    worker_stake: Nrlc
    scheduler_reward_ratio: int
    sponsor: Address  #: the account that pays and is refunded: the requester, or the sponsor of the match

    @property
    def is_proof(self) -> bool:
        """Return whether a model's owner bought it at price 0 for the model, as it proves that its key opens it."""
        model = self.dataset
        return model.pointer != ZERO_ADDRESS and model.owner == self.requester and model.price == 0


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """A task; all zero with status UNSET if it was not initialised."""

    status: TaskStatus
    deal: DealId
    index: int
    timeref: int
    contribution_deadline: int
    reveal_deadline: int
    final_deadline: int
    consensus_value: Digest
    reveal_counter: int
    winner_counter: int
    contributors: tuple[Address, ...]
    result_digest: Digest
    results: bytes
    results_callback: bytes


class ContributionView(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's contribution to a task; all zero if there is none."""

    status: ContributionStatus
    result_hash: Digest
    result_seal: Digest
    enclave: Address
    weight: int


class AccountView(msgspec.Struct, frozen=True):
    """An account's balance in PoCo's escrow."""

    stake: Nrlc  #: free; can be spent or withdrawn
    locked: Nrlc  #: for running deals


class CategoryView(msgspec.Struct, frozen=True):
    """A category of tasks; its deadlines are multiples of ``timeref`` seconds."""

    name: str
    description: str
    timeref: int


class TaskPayment(msgspec.Struct, frozen=True):
    """The payment of a task to one account."""

    account: Address
    amount: Nrlc


class PaymentOutcome(Enum):
    """State of a task's payment."""

    OPEN = "open"  #: it may still be paid
    PAID = "paid"
    UNPAID = "unpaid"  #: it can never be paid


def payment_outcome(task: TaskView, time: int) -> PaymentOutcome:
    """Return the state of a task's payment at a confirmed block with this timestamp.

    PoCo refuses contributions from the contribution deadline on, and never finalises a task without one.
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
