"""Typed events of the hub and its registries, in the chain's order."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import EventLog
from sealgrid.units import Address, DealId, Digest, Nrlc, TaskId, to_address, to_digest


class HubEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event, with its position. Block hash and log index identify it."""

    block_number: int
    block_hash: Digest
    transaction: Digest
    log_index: int


class OrdersMatched(HubEvent, frozen=True, kw_only=True):
    """Four orders were matched into a deal of ``volume`` tasks."""

    deal: DealId
    app_hash: Digest
    dataset_hash: Digest
    workerpool_hash: Digest
    request_hash: Digest
    volume: int


class SchedulerNotice(HubEvent, frozen=True, kw_only=True):
    """A deal was assigned to a pool."""

    workerpool: Address
    deal: DealId


class TaskInitialize(HubEvent, frozen=True, kw_only=True):
    """A task was initialised and accepts contributions."""

    task: TaskId
    workerpool: Address


class TaskContribute(HubEvent, frozen=True, kw_only=True):
    """A worker committed to a result."""

    task: TaskId
    worker: Address
    result_hash: Digest


class TaskConsensus(HubEvent, frozen=True, kw_only=True):
    """The workers reached a consensus on a task's result."""

    task: TaskId
    consensus: Digest


class TaskReveal(HubEvent, frozen=True, kw_only=True):
    """A worker revealed its result's digest."""

    task: TaskId
    worker: Address
    result_digest: Digest


class TaskReopen(HubEvent, frozen=True, kw_only=True):
    """A task was reopened because no worker revealed in time."""

    task: TaskId


class TaskFinalize(HubEvent, frozen=True, kw_only=True):
    """A task was completed and paid; ``results`` is PoCo's public hint."""

    task: TaskId
    results: bytes


class TaskClaimed(HubEvent, frozen=True, kw_only=True):
    """A task failed and was refunded."""

    task: TaskId


class Reward(HubEvent, frozen=True, kw_only=True):
    """An account was paid for a task."""

    account: Address
    amount: Nrlc
    task: TaskId


class Seize(HubEvent, frozen=True, kw_only=True):
    """Locked money was seized for a task: its price, or a stake."""

    account: Address
    amount: Nrlc
    task: TaskId


class Lock(HubEvent, frozen=True, kw_only=True):
    """Money in escrow was locked."""

    account: Address
    amount: Nrlc


class Unlock(HubEvent, frozen=True, kw_only=True):
    """Locked money became free."""

    account: Address
    amount: Nrlc


class Transfer(HubEvent, frozen=True, kw_only=True):
    """Money moved between accounts in escrow; a deposit comes from zero, a withdrawal goes to zero."""

    sender: Address
    receiver: Address
    amount: Nrlc


class OrderClosed(HubEvent, frozen=True, kw_only=True):
    """An order was cancelled by its owner."""

    order_hash: Digest


class OrderSigned(HubEvent, frozen=True, kw_only=True):
    """An order was presigned by its owner in a transaction; it needs no signature."""

    order_hash: Digest


class CategoryCreated(HubEvent, frozen=True, kw_only=True):
    """A category of tasks was created; iExec's descriptions are JSON."""

    category: int
    name: str
    description: str
    timeref: int


class AssetTransferred(HubEvent, frozen=True, kw_only=True):
    """An app, dataset or workerpool was transferred; a new one comes from zero."""

    registry: Address
    asset: Address
    sender: Address
    receiver: Address


#: The type of each event of PoCo, with its fields in the order of PoCo's definition.
_TYPES: Final[dict[str, tuple[type[HubEvent], tuple[str, ...]]]] = {
    "OrdersMatched": (
        OrdersMatched,
        ("deal", "app_hash", "dataset_hash", "workerpool_hash", "request_hash", "volume"),
    ),
    "SchedulerNotice": (SchedulerNotice, ("workerpool", "deal")),
    "TaskInitialize": (TaskInitialize, ("task", "workerpool")),
    "TaskContribute": (TaskContribute, ("task", "worker", "result_hash")),
    "TaskConsensus": (TaskConsensus, ("task", "consensus")),
    "TaskReveal": (TaskReveal, ("task", "worker", "result_digest")),
    "TaskReopen": (TaskReopen, ("task",)),
    "TaskFinalize": (TaskFinalize, ("task", "results")),
    "TaskClaimed": (TaskClaimed, ("task",)),
    "Reward": (Reward, ("account", "amount", "task")),
    "Seize": (Seize, ("account", "amount", "task")),
    "Lock": (Lock, ("account", "amount")),
    "Unlock": (Unlock, ("account", "amount")),
    "Transfer": (Transfer, ("sender", "receiver", "amount")),
    "ClosedAppOrder": (OrderClosed, ("order_hash",)),
    "ClosedDatasetOrder": (OrderClosed, ("order_hash",)),
    "ClosedWorkerpoolOrder": (OrderClosed, ("order_hash",)),
    "ClosedRequestOrder": (OrderClosed, ("order_hash",)),
    "SignedAppOrder": (OrderSigned, ("order_hash",)),
    "SignedDatasetOrder": (OrderSigned, ("order_hash",)),
    "SignedWorkerpoolOrder": (OrderSigned, ("order_hash",)),
    "SignedRequestOrder": (OrderSigned, ("order_hash",)),
    "CreateCategory": (CategoryCreated, ("category", "name", "description", "timeref")),
}


#: ERC-20 and ERC-721 have the same Transfer event; only ERC-721 indexes the third field.
_TRANSFER: Final = interface("AppRegistry").topic("Transfer")


def parse_events(logs: Iterable[EventLog]) -> list[HubEvent]:
    """Parse the logs of a hub and its registries; skip events without a type here."""
    return [event for event in map(_parse_event, logs) if event is not None]


def _parse_event(log: EventLog) -> HubEvent | None:
    position: dict[str, Any] = {
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "transaction": log.transaction,
        "log_index": log.index,
    }
    if len(log.topics) == 4 and log.topics[0] == _TRANSFER:
        sender, receiver, asset = (to_address(topic[-20:]) for topic in log.topics[1:])
        return AssetTransferred(registry=log.address, asset=asset, sender=sender, receiver=receiver, **position)
    decoded = interface("Hub").decode_event(log.topics, log.data)
    if decoded is None or decoded[0] not in _TYPES:
        return None
    kind, names = _TYPES[decoded[0]]
    values = {
        name: to_digest(value) if isinstance(value, bytes) and name != "results" else value
        for name, value in zip(names, decoded[1], strict=True)
    }
    return msgspec.convert(position | values, kind)
