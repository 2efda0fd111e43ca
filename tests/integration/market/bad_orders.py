"""Every kind of bad order by name: how it is made, and the rule by which the market refuses it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from sealgrid.chain.accounts import development_key
from sealgrid.crypto.signing import ORDER
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder, to_document
from sealgrid.poco.tags import NO_TAG
from sealgrid.poco.typed_data import OrderDomain, sign_order
from sealgrid.units import to_address, to_digest
from tests.contracts.scene import Market
from tests.integration.market.traders import Traders, place_of

Document = dict[str, Any]
NOBODY = to_address(b"\x12" * 20)


@dataclass(frozen=True)
class Bad:
    """One bad order; ``before`` is what happened earlier."""

    rule: str
    order: Callable[[Market], Order]
    spoil: Callable[[Document], Document] = lambda document: document
    before: Callable[[Traders, Order], Awaitable[object]] | None = None
    who: str = ""  #: who publishes it; its kind's signer by default


def app(**changes: Any) -> Callable[[Market], AppOrder]:
    return lambda scene: scene.app_order(**changes)


def pool(**changes: Any) -> Callable[[Market], WorkerpoolOrder]:
    return lambda scene: scene.pool_order(**changes)


def request(**changes: Any) -> Callable[[Market], RequestOrder]:
    return lambda scene: scene.request(**changes)


def written(**fields: Any) -> Callable[[Document], Document]:
    return lambda document: document | fields


def without(field: str) -> Callable[[Document], Document]:
    return lambda document: {name: value for name, value in document.items() if name != field}


def signed_by(name: str, order: Callable[[Market], Order]) -> Callable[[Market], Order]:
    return lambda scene: sign_order(order(scene), scene.orders, development_key(name))


def resigned(change: Callable[[bytes], bytes]) -> Callable[[Market], Order]:
    return lambda scene: msgspec.structs.replace(scene.app_order(), sign=change(scene.app_order().sign))


def elsewhere(**place: Any) -> Callable[[Market], Order]:
    def order(scene: Market) -> Order:
        domain = OrderDomain(**{"chain": scene.orders.chain, "hub": scene.orders.hub} | place)
        return sign_order(scene.app_order(), domain, development_key("developer"))

    return order


def high_s(signature: bytes) -> bytes:
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


async def cancel(traders: Traders, order: Order) -> None:
    await traders.scene.hub.cancel(traders.scene.wallet(place_of(order)[1]), order)


async def use_up(traders: Traders, order: Order) -> None:
    await traders.scene.deal()


async def publish(traders: Traders, order: Order) -> None:
    await traders.publish(order)


async def fill_the_room(traders: Traders, order: Order) -> None:
    for number in range(1, 4):
        await traders.publish(traders.scene.app_order(salt=to_digest(bytes([number]) * 32)))


async def give_the_app_away(traders: Traders, order: Order) -> None:
    scene = traders.scene
    await scene.assets.transfer(scene.wallet("developer"), "App", scene.app, development_key("stranger").address)


async def take_the_money_out(traders: Traders, order: Order) -> None:
    wallet = traders.scene.wallet(place_of(order)[1])
    await traders.scene.hub.withdraw(wallet, (await traders.scene.hub.account(wallet.address)).stake)


def unsigned(scene: Market, **changes: Any) -> AppOrder:
    return msgspec.structs.replace(scene.app_order(**changes), sign=b"")


async def sign_the_first_on_chain(traders: Traders, _: Order) -> None:
    await traders.scene.hub.presign(traders.scene.wallet("developer"), unsigned(traders.scene))


def in_turn(*happened: Callable[[Traders, Order], Awaitable[object]]) -> Callable[[Traders, Order], Awaitable[object]]:
    async def happen(traders: Traders, order: Order) -> None:
        for each in happened:
            await each(traders, order)

    return happen


def offered(*orders: Callable[[Market], Order]) -> Callable[[Traders, Order], Awaitable[object]]:
    async def offer(traders: Traders, _: Order) -> None:
        for order in orders:
            await traders.publish(order(traders.scene))

    return offer


def dataset(**changes: Any) -> Callable[[Market], DatasetOrder]:
    return lambda scene: scene.dataset_order(**changes)


BAD_ORDERS: dict[str, Bad] = {
    # how it is written
    "without a price": Bad("missing-field", app(), without("appprice")),
    "without a signature": Bad("missing-field", app(), without("sign")),
    "with a field too many": Bad("unknown-field", app(), written(colour="red")),
    "with a field of another kind": Bad("unknown-field", app(), written(category="0")),
    "with a short address": Bad("address", app(), written(app="0x12")),
    "with an address without 0x": Bad("address", app(), lambda found: found | {"app": found["app"][2:]}),
    "with an address that is no hex": Bad("address", app(), written(app="0x" + "zz" * 20)),
    "with a name for an address": Bad("address", app(), written(requesterrestrict="anna.eth")),
    "with a null for an address": Bad("address", app(), written(datasetrestrict=None)),
    "with a short tag": Bad("bytes32", app(), written(tag="0x09")),
    "with a list of words for a tag": Bad("bytes32", app(), written(tag=["tee", "tdx"])),
    "with a salt that is no hex": Bad("bytes32", app(), written(salt="0x" + "g" * 64)),
    "with a negative price": Bad("number", app(), written(appprice="-1")),
    "with a price in hex": Bad("number", app(), written(appprice="0x10")),
    "with a price of a fraction": Bad("number", app(), written(appprice=1.5)),
    "with a price in RLC": Bad("number", app(), written(appprice="1 RLC")),
    "with a price that no uint256 holds": Bad("number", app(), written(appprice=str(2**256))),
    "with yes for a volume": Bad("number", app(), written(volume=True)),
    "with an empty volume": Bad("number", app(), written(volume="")),
    "with digits of another script": Bad("number", app(), written(volume="١٢")),
    "with params that are an object": Bad("text", request(), written(params={"iexec_args": "x"})),
    "with endless params": Bad("params-size", request(), written(params="x" * (16 << 10) + "x")),
    "with a signature without 0x": Bad("sign", app(), lambda found: found | {"sign": found["sign"][2:]}),
    "with half a byte of signature": Bad("sign", app(), written(sign="0x123")),
    "with an endless signature": Bad("sign-size", app(), written(sign="0x" + "00" * 4097)),
    # what it says
    "of nothing": Bad("volume", app(volume=0)),
    "of a pool, for no category": Bad("category", pool(category=99)),
    "of a request, for no category": Bad("category", request(category=2**255)),
    # whose it is
    "for an app that nobody registered": Bad("unregistered", app(app=NOBODY)),
    "for no app": Bad("unregistered", app(app=to_address(bytes(20)))),
    "for a dataset as if it were an app": Bad(
        "unregistered",
        lambda scene: sign_order(AppOrder(app=scene.dataset), scene.orders, development_key("owner")),
        who="owner",
    ),
    "of an owner who sold the asset": Bad("not-yours", app(), before=give_the_app_away),
    "of somebody else, who signed it": Bad("not-yours", app(), who="stranger"),
    "of somebody else, who did not": Bad("not-yours", signed_by("thief", app()), who="thief"),
    # who signed it
    "signed on chain at another price": Bad(
        "signature", lambda scene: unsigned(scene, appprice=1), before=sign_the_first_on_chain
    ),
    "signed on chain by the owner before": Bad(
        "signature", unsigned, before=in_turn(sign_the_first_on_chain, give_the_app_away), who="stranger"
    ),
    "signed on chain and cancelled": Bad("cancelled", unsigned, before=in_turn(sign_the_first_on_chain, cancel)),
    "signed by nobody": Bad("signature", resigned(lambda signature: b"")),
    "signed by a thief": Bad("signature", signed_by("thief", app())),
    "signed with too long a signature": Bad("signature", resigned(lambda signature: signature + b"\0")),
    "signed with the other s": Bad("signature", resigned(high_s)),
    "signed with v 0": Bad("signature", resigned(lambda signature: signature[:64] + bytes([signature[64] - 27]))),
    "signed for another chain": Bad("signature", elsewhere(chain=1)),
    "signed for another hub": Bad("signature", elsewhere(hub=NOBODY)),
    "made cheaper after it was signed": Bad("signature", app(), written(appprice="1")),
    "made longer after it was signed": Bad("signature", app(), written(volume="1001")),
    "freed of its restriction after it was signed": Bad(
        "signature", app(requesterrestrict=NOBODY), written(requesterrestrict="0x" + "00" * 20)
    ),
    # what became of it
    "that is listed already": Bad("published", app(), before=publish),
    "that was cancelled": Bad("cancelled", app(), before=cancel),
    "that is used up": Bad("used-up", request(), before=use_up),
    "of a signer who has no room left": Bad("room", app(), before=fill_the_room),
    # who can pay
    "of a pool without stake": Bad("stake", pool(), before=take_the_money_out),
    "of a pool dearer than its stake": Bad("stake", pool(workerpoolprice=10**18)),
    "of a requester without money": Bad("funds", request(), before=take_the_money_out),
    "of a requester who offers more than there is": Bad("funds", request(appmaxprice=2**255)),
    # matching offers
    "for an app without an order": Bad("no-apporder", request()),
    "for an app that is offered to others": Bad(
        "no-apporder", request(), before=offered(app(requesterrestrict=NOBODY))
    ),
    "for an app that is offered with another dataset": Bad(
        "no-apporder", request(), before=offered(app(datasetrestrict=NOBODY))
    ),
    "for an app that is offered outside enclaves only": Bad("no-apporder", request(), before=offered(app(tag=NO_TAG))),
    "that pays too little for the app": Bad("app-price", request(appmaxprice=2), before=offered(app())),
    "for a dataset without an order": Bad("no-datasetorder", request(), before=offered(app())),
    "for a dataset that is offered to another app": Bad(
        "no-datasetorder", request(), before=offered(app(), dataset(apprestrict=NOBODY))
    ),
    "that pays too little for the dataset": Bad(
        "dataset-price", request(datasetmaxprice=9), before=offered(app(), dataset())
    ),
}


def document_of(bad: Bad, order: Order) -> Document:
    """Return what is sent to the market."""
    return bad.spoil(to_document(order))
