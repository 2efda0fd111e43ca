"""What happens to orders and deals, as iExec's market tells it to whoever listens. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from sealgrid.market.book.order_book import BookEvent, Closed, Listed, Opened, Status, Updated
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.market.serialization import described

Topic = Literal["orders", "deals"]
TOPICS: Final[tuple[Topic, ...]] = ("orders", "deals")


class DealMade(msgspec.Struct, frozen=True):
    """The chain made a deal, and the hub said what it is; JSON as ``GET /deals`` has it."""

    document: bytes


Event = BookEvent | DealMade
Tell = Callable[[Sequence[Event]], None]


class Announcement(msgspec.Struct, frozen=True):
    """One event of the feed; ``message`` is what JSON can hold."""

    topic: Topic
    name: str
    message: Any


def topic_of(event: Event) -> Topic:
    """Return under which topic an event is told."""
    return "deals" if isinstance(event, DealMade) else "orders"


def announce(event: Event, chain: int) -> Announcement:
    """Return an event in iExec's words: a deal whole, an order without its chain, one that is closed by its hash."""
    match event:
        case DealMade(document=document):
            return Announcement("deals", "deal_created", msgspec.json.decode(document))
        case Closed(listed=listed):
            return Announcement("orders", f"{KINDS[listed.kind].one}_unpublished", listed.order_hash)
        case Opened(listed=listed, remaining=remaining):
            said = "published"
        case Updated(listed=listed, remaining=remaining):
            said = "updated"
    return Announcement("orders", f"{KINDS[listed.kind].one}_{said}", _order(listed, remaining, chain))


def _order(listed: Listed, remaining: int, chain: int) -> dict[str, Any]:
    message: dict[str, Any] = msgspec.to_builtins(described(listed, remaining, Status.OPEN, chain))
    del message["chainId"]  # the room says it
    return message
