"""What happens to orders and deals, as iExec's market tells it to whoever listens. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from sealgrid.market.book.order_book import (
    BookEvent,
    OrderOpened,
    OrderStatus,
    OrderUnavailable,
    OrderUpdated,
    PublishedOrder,
)
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.market.serialization import described

Topic = Literal["orders", "deals"]
TOPICS: Final[tuple[Topic, ...]] = ("orders", "deals")


class DealCreated(msgspec.Struct, frozen=True):
    """The chain made a deal, and the hub said what it is; JSON as ``GET /deals`` has it."""

    document: bytes


Event = BookEvent | DealCreated
Tell = Callable[[Sequence[Event]], None]


class FeedEvent(msgspec.Struct, frozen=True):
    """One event of the feed; ``message`` is what JSON can hold."""

    topic: Topic
    name: str
    message: Any


def topic_of(event: Event) -> Topic:
    """Return under which topic an event is told."""
    return "deals" if isinstance(event, DealCreated) else "orders"


def announce(event: Event, chain: int) -> FeedEvent:
    """Return an event in iExec's words: a deal whole, an order without its chain, one that is closed by its hash."""
    match event:
        case DealCreated(document=document):
            return FeedEvent("deals", "deal_created", msgspec.json.decode(document))
        case OrderUnavailable(listed=listed):
            return FeedEvent("orders", f"{KINDS[listed.kind].one}_unpublished", listed.order_hash)
        case OrderOpened(listed=listed, remaining=remaining):
            said = "published"
        case OrderUpdated(listed=listed, remaining=remaining):
            said = "updated"
    return FeedEvent("orders", f"{KINDS[listed.kind].one}_{said}", _order(listed, remaining, chain))


def _order(listed: PublishedOrder, remaining: int, chain: int) -> dict[str, Any]:
    message: dict[str, Any] = msgspec.to_builtins(described(listed, remaining, OrderStatus.OPEN, chain))
    del message["chainId"]  # the room says it
    return message
