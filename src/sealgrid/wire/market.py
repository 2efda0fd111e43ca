"""What anyone says to a market: publish a signed order, look up orders (paths and shapes as iExec's market API)."""

from typing import Literal

from sealgrid.units import Address, Digest
from sealgrid.wire.message import Message, Transport, call

Kind = Literal["apporders", "datasetorders", "workerpoolorders", "requestorders"]


class Publish(Message, frozen=True, kw_only=True):
    """A signed order: every field as a decimal or hex string, ``sign`` included."""

    order: dict[str, str]


class Published(Message, frozen=True, kw_only=True):
    """The order's digest under which it is found."""

    orderHash: Digest  # noqa: N815  iExec's spelling


class PublishReply(Message, frozen=True, kw_only=True):
    """The market's answer to an order."""

    ok: bool
    published: Published


class OpenOrder(Message, frozen=True, kw_only=True):
    """An order that can be matched now."""

    orderHash: Digest  # noqa: N815
    order: dict[str, str]
    remaining: int
    signer: Address


class Orders(Message, frozen=True, kw_only=True):
    """A page of the book, cheapest first."""

    ok: bool
    orders: tuple[OpenOrder, ...]
    count: int


class MarketClient:
    """Speak to a market."""

    def __init__(self, transport: Transport, chain: int) -> None:
        self._transport = transport
        self._chain = chain

    async def publish(self, kind: Kind, order: dict[str, str]) -> Digest:
        """Publish one signed order; raise OrderRefused with what is wrong with it."""
        path = f"/{kind}?chainId={self._chain}"
        return (await call(self._transport, "POST", path, Publish(order=order), PublishReply)).published.orderHash

    async def orders(self, kind: Kind, **filters: str) -> tuple[OpenOrder, ...]:
        """Return open orders; filters as iExec's: app, dataset, workerpool, requester, category …"""
        query = "".join(f"&{name}={value}" for name, value in sorted(filters.items()))
        return (await call(self._transport, "GET", f"/{kind}?chainId={self._chain}{query}", None, Orders)).orders
