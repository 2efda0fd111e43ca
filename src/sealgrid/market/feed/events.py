"""Feed events of orders and deals, with iExec's topics and names. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from sealgrid.market.book.order_book import (
    BookEvent,
    OrderOpened,
    OrderStatus,
    OrderUnavailable,
    OrderUpdated,
)
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.market.serialization import open_order

Topic = Literal["orders", "deals"]
TOPICS: Final[tuple[Topic, ...]] = ("orders", "deals")


class DealCreated(msgspec.Struct, frozen=True):
    """A deal is complete; ``document`` is its JSON as in ``GET /deals``."""

    document: bytes


Event = BookEvent | DealCreated
Notify = Callable[[Sequence[Event]], None]


class FeedEvent(msgspec.Struct, frozen=True):
    """One event of the feed; ``message`` is what JSON can hold."""

    topic: Topic
    name: str
    message: Any


def topic_of(event: Event) -> Topic:
    """Return the topic of an event."""
    return "deals" if isinstance(event, DealCreated) else "orders"


def feed_event(event: Event, chain: int) -> FeedEvent:
    """Return iExec's form of an event: a deal whole, an order without its chain, a closed order by its hash."""
    match event:
        case DealCreated(document=document):
            return FeedEvent("deals", "deal_created", msgspec.json.decode(document))
        case OrderUnavailable(published=published):
            return FeedEvent("orders", f"{KINDS[published.kind].one}_unpublished", published.order_hash)
        case OrderOpened(published=published, remaining=remaining):
            name = "published"
        case OrderUpdated(published=published, remaining=remaining):
            name = "updated"
    message: dict[str, Any] = msgspec.to_builtins(open_order(published, remaining, OrderStatus.OPEN, chain))
    del message["chainId"]  # implied by the subscription
    return FeedEvent("orders", f"{KINDS[published.kind].one}_{name}", message)
