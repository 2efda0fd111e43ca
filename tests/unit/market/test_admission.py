"""Checks of published orders (1-9): one order that passes, and one change that breaks each check.

Orders on a real hub are tested in tests/integration/market/test_bad_orders.py.
"""

from collections.abc import Callable

import msgspec
import pytest

from sealgrid.chain.events import CategoryCreated
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import OrderRefused
from sealgrid.market.admission import OrderAdmission
from sealgrid.market.book.order_book import OrderBook, PublishedOrder
from sealgrid.poco import typed_data
from sealgrid.poco.orders import AppOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash, sign_order
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_digest
from tests.unit.market.market_orders import (
    APP,
    OTHER_APP,
    POOL,
    asset_transferred,
    at_block,
    escrow_transferred,
    funded_ledger,
    order_closed,
)

OWNER, BUYER, STRANGER = (SigningKey.from_bytes(bytes([number]) * 32) for number in (0x31, 0x32, 0x33))
DOMAIN = OrderDomain(chain=31337, hub=ZERO_ADDRESS)
APP_ORDER = AppOrder(app=APP, appprice=5)
POOL_ORDER = WorkerpoolOrder(workerpool=POOL, workerpoolprice=1000)
REQUEST = RequestOrder(app=APP, requester=BUYER.address, beneficiary=BUYER.address, appmaxprice=5)


class StaticChain:
    """A chain with facts and a book; OWNER has the assets, OWNER and BUYER have escrow."""

    def __init__(self) -> None:
        self.ledger = funded_ledger()
        self.ledger.apply([asset_transferred(asset, OWNER.address) for asset in (APP, POOL)])
        self.ledger.apply([escrow_transferred(ZERO_ADDRESS, key.address, 1000) for key in (OWNER, BUYER)])
        self.ledger.apply([CategoryCreated(category=0, name="S", description="", timeref=60, **at_block(1))])
        self.book = OrderBook(self.ledger)
        self.presigned: set[Digest] = set()
        self.syncs = 0

    async def catch_up(self) -> None:
        self.syncs += 1

    async def is_signed_by(self, account: Address, digest: Digest, signature: bytes) -> bool:
        return typed_data.is_signed_by(account, digest, signature)

    async def is_presigned_by(self, account: Address, digest: Digest) -> bool:
        return account == OWNER.address and digest in self.presigned

    async def is_member(self, group: Address, account: Address) -> bool:
        return False

    def publish(self, order: Order, signer: Address) -> None:
        self.book.publish(
            PublishedOrder(order_hash=order_hash(order, DOMAIN), order=order, signer=signer, published_at=1)
        )


@pytest.fixture
def chain() -> StaticChain:
    return StaticChain()


def admission(chain: StaticChain, limit: int = 2) -> OrderAdmission:
    return OrderAdmission(chain, DOMAIN, per_signer=limit)  # type: ignore[arg-type]


async def refusal(chain: StaticChain, order: Order, key: SigningKey, claimant: Address | None = None) -> str:
    """Return the check that refuses an order signed by a key."""
    with pytest.raises(OrderRefused) as caught:
        await admission(chain).admit(sign_order(order, DOMAIN, key), claimant or key.address)
    assert chain.syncs == 1 or caught.value.check.startswith(("app-", "no-"))
    return caught.value.check


@pytest.mark.parametrize(("order", "key"), [(APP_ORDER, OWNER), (POOL_ORDER, OWNER), (REQUEST, BUYER)])
async def test_an_order_that_its_signer_may_publish_is_admitted(
    chain: StaticChain, order: Order, key: SigningKey
) -> None:
    chain.publish(APP_ORDER, OWNER.address)
    changed = msgspec.structs.replace(order, salt=to_digest(b"\x01" * 32))
    admitted = await admission(chain).admit(sign_order(changed, DOMAIN, key), key.address)
    assert (admitted.signer, admitted.presigned) == (key.address, False)


@pytest.mark.parametrize(
    ("check", "order", "key"),
    [
        ("volume", AppOrder(app=APP, volume=0), OWNER),  # (1)
        ("category", WorkerpoolOrder(workerpool=POOL, category=7), OWNER),  # (2)
        ("unregistered", AppOrder(app=POOL), OWNER),  # (3)
        ("not-yours", AppOrder(app=OTHER_APP), OWNER),  # (4)
        ("funds", msgspec.structs.replace(REQUEST, workerpoolmaxprice=996), BUYER),  # (7)
        ("stake", msgspec.structs.replace(POOL_ORDER, workerpoolprice=10**6), OWNER),  # (7)
        ("no-apporder", REQUEST, BUYER),  # (9)
    ],
    ids=str,
)
async def test_an_order_that_breaks_one_check_is_refused(
    chain: StaticChain, check: str, order: Order, key: SigningKey
) -> None:
    assert await refusal(chain, order, key) == check


@pytest.mark.parametrize(
    ("check", "event"),
    [
        ("cancelled", lambda chain: chain.ledger.apply([closed(APP_ORDER)])),
        ("published", lambda chain: chain.publish(APP_ORDER, OWNER.address)),
    ],
)
async def test_an_order_that_is_closed_or_published_is_refused(
    chain: StaticChain, check: str, event: Callable[[StaticChain], object]
) -> None:
    event(chain)  # (5)
    assert await refusal(chain, APP_ORDER, OWNER) == check


def closed(order: Order):
    return msgspec.structs.replace(order_closed(1), order_hash=order_hash(order, DOMAIN))


async def test_a_signer_has_a_limit_of_open_orders(chain: StaticChain) -> None:
    for salt in (1, 2):  # (6)
        chain.publish(msgspec.structs.replace(APP_ORDER, salt=to_digest(bytes([salt]) * 32)), OWNER.address)
    assert await refusal(chain, APP_ORDER, OWNER) == "room"


async def test_an_order_signed_by_another_key_is_refused(chain: StaticChain) -> None:
    assert await refusal(chain, APP_ORDER, STRANGER, claimant=OWNER.address) == "signature"  # (8)


async def test_anyone_may_publish_a_presigned_order(chain: StaticChain) -> None:
    chain.presigned.add(order_hash(APP_ORDER, DOMAIN))
    admitted = await admission(chain).admit(APP_ORDER, STRANGER.address)
    assert (admitted.signer, admitted.presigned) == (OWNER.address, True)


async def test_a_request_below_the_cheapest_app_order_is_refused(chain: StaticChain) -> None:
    chain.publish(msgspec.structs.replace(APP_ORDER, appprice=6), OWNER.address)  # (9)
    assert await refusal(chain, REQUEST, BUYER) == "app-price"


async def test_an_app_order_for_another_requester_does_not_match(chain: StaticChain) -> None:
    chain.publish(msgspec.structs.replace(APP_ORDER, requesterrestrict=STRANGER.address), OWNER.address)  # (9)
    assert await refusal(chain, REQUEST, BUYER) == "no-apporder"


async def test_two_concurrent_publications_of_one_order_or_of_the_last_slot_reserve_once(chain: StaticChain) -> None:
    gate = admission(chain, limit=1)
    one = await gate.admit(sign_order(APP_ORDER, DOMAIN, OWNER), OWNER.address)
    two = msgspec.structs.replace(one, order_hash=to_digest(b"\x05" * 32))
    with gate.reserve("apporders", one):
        for other, check in ((one, "published"), (two, "room")):
            with pytest.raises(OrderRefused) as caught, gate.reserve("apporders", other):
                pass
            assert caught.value.check == check
    with gate.reserve("apporders", two):
        pass
