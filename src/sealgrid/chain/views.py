"""What PoCo's hub tells about deals, tasks, contributions and accounts (IexecLibCore_v5)."""

from enum import IntEnum

import msgspec

from sealgrid.units import Address, DealId, Digest, Nrlc


class TaskStatus(IntEnum):
    """Where a task stands."""

    UNSET = 0
    ACTIVE = 1
    REVEALING = 2
    COMPLETED = 3
    FAILED = 4


class ContributionStatus(IntEnum):
    """Where one worker's contribution stands."""

    UNSET = 0
    CONTRIBUTED = 1
    PROVED = 2
    REJECTED = 3


class ResourceView(msgspec.Struct, frozen=True):
    """An app, dataset or pool in a deal: its owner and price when the orders were matched."""

    pointer: Address  #: zero where a deal has no dataset
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
    sponsor: Address  #: who pays, and is refunded: the requester, or whoever sponsored the match


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """A task; all zero with status UNSET when nobody initialised it."""

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
    """One worker's contribution to a task; all zero when there is none."""

    status: ContributionStatus
    result_hash: Digest
    result_seal: Digest
    enclave: Address
    weight: int


class AccountView(msgspec.Struct, frozen=True):
    """What an account holds in PoCo's escrow."""

    stake: Nrlc  #: free: can be spent or withdrawn
    locked: Nrlc  #: held for running deals


class CategoryView(msgspec.Struct, frozen=True):
    """How long tasks of a category may take; deadlines are multiples of ``timeref`` seconds."""

    name: str
    description: str
    timeref: int


class TaskPayment(msgspec.Struct, frozen=True):
    """What a task paid to one account."""

    account: Address
    amount: Nrlc
