"""Messages of a market's API, and its client (compatible with iExec's market API).

Amounts are JSON numbers up to 2^53 - 1 and decimal text beyond; both are accepted.
"""

from typing import Final, Literal

import msgspec

from sealgrid.crypto.signing import SigningKey
from sealgrid.units import Address, DealId, Digest, to_address
from sealgrid.wire import challenge
from sealgrid.wire.challenge import Token, TypedChallenge
from sealgrid.wire.message import AuthorisedTransport, M, call, decode

Kind = Literal["apporders", "datasetorders", "workerpoolorders", "requestorders"]
Amount = int | str
Target = Literal["unpublish_orderHash", "unpublish_last", "unpublish_all"]
EXACT: Final = 2**53 - 1  #: largest integer that every JSON reader represents exactly


class PublishRequest(msgspec.Struct, frozen=True):
    """A signed order: every field, ``sign`` included."""

    order: dict[str, object]


class UnpublishRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the signer's orders to withdraw: one by hash, or the last or all of an asset (or of a requester)."""

    target: Target = "unpublish_orderHash"
    orderHash: str = ""  # noqa: N815  iExec's spelling, here and below
    app: str = ""
    dataset: str = ""
    workerpool: str = ""
    requester: str = ""


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published order; addresses in mixed case (EIP-55), as iExec's market writes them.

    Unknown fields are ignored: iExec's own market sends more.
    """

    orderHash: Digest  # noqa: N815
    chainId: int | str  # noqa: N815
    order: dict[str, Amount]
    remaining: Amount
    status: Literal["open", "filled", "canceled", "dead"]
    publicationTimestamp: str  # noqa: N815  ISO 8601 with milliseconds
    signer: str
    bulk: bool | None = None  #: datasets only: may be used in bulk
    presigned: bool = False  #: valid by its signer's transaction, with any ``sign``; absent on iExec's market
    offerRemaining: Amount | None = None  # noqa: N815  uses left of the whole offer; in grouped queries

    @property
    def owner(self) -> Address:
        """Return the signer."""
        return to_address(self.signer)

    @property
    def left(self) -> int:
        """Return the remaining uses."""
        return int(self.remaining)

    @property
    def left_of_offer(self) -> int:
        """Return the remaining uses of its offer in a grouped query, else of the order."""
        return self.left if self.offerRemaining is None else int(self.offerRemaining)


class OrderReply(OpenOrder, frozen=True, kw_only=True, omit_defaults=True):
    """One order in any status."""

    ok: bool


class PublishReply(msgspec.Struct, frozen=True, kw_only=True):
    """Reply to a published order."""

    ok: bool
    published: OpenOrder


class UnpublishReply(msgspec.Struct, frozen=True, kw_only=True):
    """Hashes of the withdrawn orders."""

    ok: bool
    unpublished: tuple[Digest, ...]


class OrderPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the book, the best first."""

    ok: bool
    orders: tuple[OpenOrder, ...]
    count: int  #: on all pages
    nextPage: int | None = None  # noqa: N815  offset of the next page; absent on the last


class DealPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of deals, the newest first, each as the market keeps it."""

    ok: bool
    deals: tuple[msgspec.Raw, ...]
    count: int  #: on all pages
    nextPage: int | None = None  # noqa: N815


class _DealName(msgspec.Struct, frozen=True):
    dealid: Digest


class _DealNames(msgspec.Struct, frozen=True):
    deals: tuple[_DealName, ...]


class MarketCategory(msgspec.Struct, frozen=True, kw_only=True):
    """A category of tasks; ``workClockTimeRef`` in seconds."""

    catid: int
    chainId: int | str  # noqa: N815  as iExec's: a number in a page, text in the reply about one category
    name: str
    description: str
    workClockTimeRef: int  # noqa: N815
    transactionHash: Digest  # noqa: N815
    blockNumber: int  # noqa: N815
    blockTimestamp: str  # noqa: N815  ISO 8601 with milliseconds


class CategoryReply(MarketCategory, frozen=True, kw_only=True):
    """One category."""

    ok: bool


class CategoryPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of categories, the shortest first."""

    ok: bool
    categories: tuple[MarketCategory, ...]
    count: int  #: on all pages
    nextPage: int | None = None  # noqa: N815


class _ChallengeReply(msgspec.Struct, frozen=True):
    data: TypedChallenge


class MarketClient:
    """Client of a market's API for one chain."""

    def __init__(self, transport: AuthorisedTransport, chain: int) -> None:
        self.transport = transport
        self.chain = chain

    async def publish(self, kind: Kind, order: dict[str, str], key: SigningKey) -> Digest:
        """Publish one signed order, as its signer; raise OrderRefused with what is wrong with it."""
        body = msgspec.json.encode({"order": order})
        return (await self._write("POST", kind, body, key, PublishReply)).published.orderHash

    async def unpublish(self, kind: Kind, order: Digest, key: SigningKey) -> None:
        """Withdraw one order, as its signer. A copy of it can still be matched until it is cancelled on chain."""
        await self._write("PUT", kind, msgspec.json.encode({"orderHash": order}), key, UnpublishReply)

    async def orders(self, kind: Kind, **filters: str) -> tuple[OpenOrder, ...]:
        """Return a page of open orders; filters as iExec's: app, dataset, workerpool, requester, category …"""
        query = "".join(f"&{name}={value}" for name, value in sorted(filters.items()))
        return (await call(self.transport, "GET", self._path(kind) + query, None, OrderPage)).orders

    async def deals(self, **filters: str) -> tuple[DealId, ...]:
        """Return a page of deals, the newest first; filters as iExec's: app, requester, workerpool, appOwner …"""
        path = self._path("deals") + "".join(f"&{name}={value}" for name, value in sorted(filters.items()))
        return tuple(DealId(each.dealid) for each in (await call(self.transport, "GET", path, None, _DealNames)).deals)

    async def latest_deals(self, most: int, **filters: Address) -> tuple[DealId, ...]:
        """Return the ids of the latest deals, the newest first; ``most`` is at least 10, as on iExec's market.

        Filters as for ``deals``.
        """
        return await self.deals(pageSize=str(most), **filters)

    async def order(self, kind: Kind, order: Digest) -> OpenOrder:
        """Return one published order in any status; raise NotFound when there is none."""
        return await call(self.transport, "GET", self._path(f"{kind}/{order}"), None, OrderReply)

    async def challenge(self, address: Address) -> str:
        """Return the sentence that an address must sign next, within five minutes."""
        path = self._path("challenge") + f"&address={address}"
        return (await call(self.transport, "GET", path, None, _ChallengeReply)).data.message.challenge

    async def publish_as(self, kind: Kind, order: dict[str, str], token: Token) -> Digest:
        """Publish one signed order with a signed challenge; raises as ``publish``."""
        body = msgspec.json.encode({"order": order})
        return (await self._send("POST", kind, body, token, PublishReply)).published.orderHash

    async def _write(self, method: str, kind: Kind, body: bytes, key: SigningKey, reply: type[M]) -> M:
        token = challenge.answer(self.chain, await self.challenge(key.address), key)
        return await self._send(method, kind, body, token, reply)

    async def _send(self, method: str, kind: Kind, body: bytes, token: Token, reply: type[M]) -> M:
        headers = {"authorization": str(token), "content-type": "application/json"}
        return decode(await self.transport.request(method, self._path(kind), body, headers), reply)

    def _path(self, resource: str) -> str:
        return f"/{resource}?chainId={self.chain}"
