"""Finds the orders of a deal: their hashes in the hub's event, the orders in the transaction's calldata."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec
from eth_abi.exceptions import DecodingError

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import Block
from sealgrid.chain.events import OrdersMatched, parse_events
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.views import DealView
from sealgrid.poco.orders import DatasetOrder, PocoOrder, RequestOrder
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import DealId, Digest, to_address, to_digest

_MATCH_FUNCTIONS: Final = ("matchOrders", "sponsorMatchOrders")
_DATASET, _REQUEST = 1, 3  #: index of the order among the four
_MAX_CALLS: Final = 32  #: candidates in one transaction; each costs a decoding

OrderT = TypeVar("OrderT", bound=PocoOrder)


class MatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The block of a match, and the orders in the transaction's calldata."""

    block: int
    request_hash: Digest  #: of the request order, in the hub's event
    request: RequestOrder | None  #: signed; None if the calldata do not hold it
    dataset: DatasetOrder | None  #: unsigned; None for a deal without a dataset, or if the calldata do not hold it


async def dataset_order_hash(hub: Hub, deal: DealId, block: Digest) -> Digest | None:
    """Return the hash of the dataset order of a deal that was matched in this block; None if it was not."""
    event = await _find_event(hub, deal, block)
    return None if event is None else event.dataset_hash


async def find_match(hub: Hub, deal: DealView) -> MatchRecord | None:
    """Return the block and orders of a match; None if no event of the match exists.

    A smart account or a multicall may have called the hub. The search therefore covers all of the transaction's
    calldata, where such contracts pass on the call unchanged. An order is accepted if its hash is the event's.
    """
    block = await _first_block_at(hub.node, deal.start_time)
    while block is not None and block.timestamp == deal.start_time:
        event = await _find_event(hub, deal.deal, block.hash)
        if event is not None:
            return await _match_record(hub, event, block)
        head = await hub.node.block()
        block = await hub.node.block(block.number + 1) if block.number < head.number else None
    return None


async def _find_event(hub: Hub, deal: DealId, block: Digest) -> OrdersMatched | None:
    events = parse_events(await hub.node.logs_of_block(hub.address, block))
    return next((each for each in events if isinstance(each, OrdersMatched) and each.deal == deal), None)


async def _match_record(hub: Hub, event: OrdersMatched, block: Block) -> MatchRecord:
    domain, request, dataset = await hub.order_domain(), None, None
    for orders in _match_calls((await hub.node.transaction(event.transaction)).data):
        candidate = _decode_order(RequestOrder, orders[_REQUEST])
        dataset_candidate = _decode_order(DatasetOrder, orders[_DATASET])
        if order_hash(candidate, domain) == event.request_hash:
            request = request or candidate
            if order_hash(dataset_candidate, domain) == event.dataset_hash:
                dataset = msgspec.structs.replace(dataset_candidate, sign=b"")
    return MatchRecord(block=block.number, request_hash=event.request_hash, request=request, dataset=dataset)


def _match_calls(data: bytes) -> Iterator[tuple[Any, ...]]:
    """Yield the four orders of each match call, at any offset of the calldata."""
    hub = interface("Hub")
    selectors = b"|".join(re.escape(hub.selector(name)) for name in _MATCH_FUNCTIONS)
    for found in islice(re.finditer(b"(?=" + selectors + b")", data), _MAX_CALLS):
        try:
            call = hub.decode_call(data[found.start() :])
        except (DecodingError, OverflowError):
            continue  # the selector's bytes without a call
        if call is not None:
            yield call[1]


def _decode_order(kind: type[OrderT], values: tuple[Any, ...]) -> OrderT:
    read: dict[str, Callable[[Any], Any]] = {"address": to_address, "bytes32": to_digest}
    fields = zip([*kind.TYPES, ("bytes", "sign")], values, strict=True)
    named = {name: read[solidity](value) if solidity in read else value for (solidity, name), value in fields}
    return msgspec.convert(named, kind)


async def _first_block_at(node: Node, time: int) -> Block | None:
    """Return the first block at or after a time: a deal has the time of its match, not its block.

    Galloping search from the newest block, then bisection, since most deals are recent.
    """
    high, step = (await node.block()).number, 1
    low = max(0, high - step)
    while low > 0 and (await node.block(low)).timestamp >= time:
        high, step = low, 2 * step
        low = max(0, high - step)
    while low < high:
        middle = (low + high) // 2
        if (await node.block(middle)).timestamp < time:
            low = middle + 1
        else:
            high = middle
    block = await node.block(low)
    return block if block.timestamp >= time else None
