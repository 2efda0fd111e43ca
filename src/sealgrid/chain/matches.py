"""From which orders a deal was matched: their hashes in the hub's event, and the orders themselves in the calldata."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from eth_abi.exceptions import DecodingError

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import Block
from sealgrid.chain.events import OrdersMatched, events_of
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.views import DealView
from sealgrid.poco.orders import DatasetOrder, PocoOrder, RequestOrder
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import DealId, Digest, to_address, to_digest

_MATCHING: Final = ("matchOrders", "sponsorMatchOrders")
_DATASET, _REQUEST = 1, 3  #: their places among the four orders
_MOST_CALLS: Final = 32  #: that are looked for in one transaction; each costs a decoding of what follows it

AnyOf = TypeVar("AnyOf", bound=PocoOrder)


class MatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Where a deal was made, and what the transaction's calldata tell of its orders."""

    block: int
    request_hash: Digest  #: of its request order, by the hub's event
    request: RequestOrder | None  #: signed; None where no calldata hold it
    dataset: DatasetOrder | None  #: unsigned; None for a deal without a dataset, and as above


async def dataset_order_in(hub: Hub, deal: DealId, block: Digest) -> Digest | None:
    """Return the hash of the dataset order of a deal that was made in this block; None when none was."""
    event = await _matched(hub, deal, block)
    return None if event is None else event.dataset_hash


async def find_match(hub: Hub, deal: DealView) -> MatchRecord | None:
    """Return the block that a deal was made in and the orders as the transaction had them; None where no event is.

    The hub may have been called by another contract, a smart account or a multicall: then the call is looked for
    inside the calldata, where such contracts have it unchanged. An order counts if its hash is the event's.
    """
    block = await _first_at(hub.node, deal.start_time)
    while block is not None and block.timestamp == deal.start_time:
        event = await _matched(hub, deal.deal, block.hash)
        if event is not None:
            return await _found(hub, event, block)
        block = await _after(hub.node, block)
    return None


async def _matched(hub: Hub, deal: DealId, block: Digest) -> OrdersMatched | None:
    events = events_of(await hub.node.logs_of_block(hub.address, block))
    return next((each for each in events if isinstance(each, OrdersMatched) and each.deal == deal), None)


async def _found(hub: Hub, event: OrdersMatched, block: Block) -> MatchRecord:
    domain, request, dataset = await hub.order_domain(), None, None
    for orders in _matchings((await hub.node.sent(event.transaction)).data):
        asked, sold = _read(RequestOrder, orders[_REQUEST]), _read(DatasetOrder, orders[_DATASET])
        if order_hash(asked, domain) == event.request_hash:
            request = request or asked
            if order_hash(sold, domain) == event.dataset_hash:
                dataset = msgspec.structs.replace(sold, sign=b"")
    return MatchRecord(block=block.number, request_hash=event.request_hash, request=request, dataset=dataset)


def _matchings(data: bytes) -> Iterator[tuple[Any, ...]]:
    """Yield the four orders of each call of the hub that makes a deal, wherever it stands in calldata."""
    hub = interface("Hub")
    places = sorted(place for name in _MATCHING for place in _places(data, hub.selector(name)))
    for place in places[:_MOST_CALLS]:
        try:
            call = hub.decode_call(data[place:])
        except (DecodingError, OverflowError):
            continue  # the same four bytes, by chance or on purpose
        if call is not None:
            yield call[1]


def _places(data: bytes, wanted: bytes) -> Iterator[int]:
    place = data.find(wanted)
    while place >= 0:
        yield place
        place = data.find(wanted, place + 1)


def _read(kind: type[AnyOf], values: tuple[Any, ...]) -> AnyOf:
    read: dict[str, Callable[[Any], Any]] = {"address": to_address, "bytes32": to_digest}
    fields = zip([*kind.TYPES, ("bytes", "sign")], values, strict=True)
    named = {name: read[solidity](value) if solidity in read else value for (solidity, name), value in fields}
    return msgspec.convert(named, kind)


async def _first_at(node: Node, time: int) -> Block | None:
    """Return the first block at or after a time: a deal says when it was made, not where.

    Steps back from the newest block, each step twice as long as the one before, and then halves: most deals are new.
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


async def _after(node: Node, block: Block) -> Block | None:
    head = await node.block()
    return None if block.number >= head.number else await node.block(block.number + 1)
