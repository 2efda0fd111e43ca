"""From which dataset order a deal was matched: its hash in the hub's event, and the order itself in the calldata."""

from typing import Any

from sealgrid.chain.blocks import Block
from sealgrid.chain.events import OrdersMatched, events_of
from sealgrid.chain.hub import Hub
from sealgrid.chain.interface import interface
from sealgrid.chain.node import Node
from sealgrid.chain.views import DealView
from sealgrid.poco.orders import DatasetOrder
from sealgrid.units import DealId, Digest, to_address, to_digest

_MATCHING = frozenset({"matchOrders", "sponsorMatchOrders"})
_DATASET = 1  #: its place among the four orders


async def dataset_order_in(hub: Hub, deal: DealId, block: Digest) -> Digest | None:
    """Return the hash of the dataset order of a deal that was made in this block; None when none was."""
    event = await _matched(hub, deal, block)
    return None if event is None else event.dataset_hash


async def find_dataset_order(hub: Hub, deal: DealView) -> tuple[int, DatasetOrder] | None:
    """Return the block that a deal was made in, and its dataset order as the transaction had it, unsigned.

    None when the hub was not called directly, so that the calldata are another contract's.
    """
    block = await _first_at(hub.node, deal.start_time)
    while block is not None and block.timestamp == deal.start_time:
        event = await _matched(hub, deal.deal, block.hash)
        if event is not None:
            order = await _order(hub, event)
            return None if order is None else (block.number, order)
        block = await _after(hub.node, block)
    return None


async def _matched(hub: Hub, deal: DealId, block: Digest) -> OrdersMatched | None:
    events = events_of(await hub.node.logs_of_block(hub.address, block))
    return next((each for each in events if isinstance(each, OrdersMatched) and each.deal == deal), None)


async def _order(hub: Hub, event: OrdersMatched) -> DatasetOrder | None:
    sent = await hub.node.sent(event.transaction)
    call = interface("Hub").decode_call(sent.data) if sent.to == hub.address else None
    if call is None or call[0] not in _MATCHING:
        return None
    return _read(call[1][_DATASET])


def _read(values: tuple[Any, ...]) -> DatasetOrder:
    dataset, price, volume, tag, app, pool, requester, salt, _ = values
    return DatasetOrder(
        dataset=to_address(dataset), datasetprice=price, volume=volume, tag=to_digest(tag),
        apprestrict=to_address(app), workerpoolrestrict=to_address(pool), requesterrestrict=to_address(requester),
        salt=to_digest(salt),
    )  # fmt: skip


async def _first_at(node: Node, time: int) -> Block | None:
    """Return the first block at or after a time, by halving: a deal says when it was made, not where."""
    low, high = 0, (await node.block()).number
    while low < high:
        middle = (low + high) // 2
        if (await node.block(middle)).timestamp < time:
            low = middle + 1
        else:
            high = middle
    block = await node.block(low)
    return block if block.timestamp >= time else None


async def _after(node: Node, block: Block) -> Block | None:
    head = await node.block()
    return None if block.number >= head.number else await node.block(block.number + 1)
