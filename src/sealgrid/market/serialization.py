"""JSON of orders and deals, compatible with iExec's market API."""

from datetime import UTC, datetime

import msgspec

from sealgrid.chain.events import OrdersMatched
from sealgrid.chain.views import DealView, ResourceView
from sealgrid.crypto.eip55 import checksum_address
from sealgrid.market.book.order_book import OrderBook, OrderStatus, PublishedOrder
from sealgrid.poco.orders import DatasetOrder, is_bulk
from sealgrid.wire.market import EXACT, Amount, OpenOrder


def to_open_order(published: PublishedOrder, book: OrderBook, chain: int, *, offer: bool = False) -> OpenOrder:
    """Return a published order with its remaining uses and status; ``offer`` adds the uses left of its whole offer."""
    order = open_order(published, book.remaining(published), book.status(published), chain)
    return msgspec.structs.replace(order, offerRemaining=amount(book.remaining_of_offer(published))) if offer else order


def open_order(published: PublishedOrder, remaining: int, status: OrderStatus, chain: int) -> OpenOrder:
    """Return a published order with the given remaining uses and status."""
    document: dict[str, Amount] = {}
    for solidity, name in published.order.TYPES:
        value = getattr(published.order, name)
        if solidity == "address":
            value = checksum_address(value)
        elif solidity == "uint256":
            value = amount(value)
        document[name] = value
    return OpenOrder(
        orderHash=published.order_hash,
        chainId=chain,
        order=document | {"sign": "0x" + published.order.sign.hex()},
        remaining=amount(remaining),
        status=status.value,
        publicationTimestamp=timestamp(published.published_at),
        signer=checksum_address(published.signer),
        bulk=is_bulk(published.order) if isinstance(published.order, DatasetOrder) else None,
        presigned=published.presigned,
    )


def deal_document(event: OrdersMatched, view: DealView, time: int, chain: int) -> dict[str, object]:
    """Return a deal with the hashes of its orders, its block and its transaction."""

    def resource(one: ResourceView) -> dict[str, object]:
        return {
            "pointer": checksum_address(one.pointer),
            "owner": checksum_address(one.owner),
            "price": amount(one.price),
        }

    return {
        "dealid": event.deal,
        "chainId": chain,
        "app": resource(view.app),
        "dataset": resource(view.dataset),
        "workerpool": resource(view.workerpool),
        "appHash": event.app_hash,
        "datasetHash": event.dataset_hash,
        "workerpoolHash": event.workerpool_hash,
        "requestHash": event.request_hash,
        "requester": checksum_address(view.requester),
        "beneficiary": checksum_address(view.beneficiary),
        "sponsor": checksum_address(view.sponsor),
        "callback": checksum_address(view.callback),
        "params": view.params,
        "category": amount(view.category),
        "tag": view.tag,
        "trust": amount(view.trust),
        "startTime": view.start_time,
        "botFirst": amount(view.bot_first),
        "botSize": amount(view.bot_size),
        "volume": amount(event.volume),
        "workerStake": amount(view.worker_stake),
        "schedulerRewardRatio": amount(view.scheduler_reward_ratio),
        "blockNumber": event.block_number,
        "blockTimestamp": timestamp(1000 * time),
        "transactionHash": event.transaction,
    }


def amount(value: int) -> Amount:
    """Return a number that JavaScript keeps exactly, or its decimal digits as text."""
    return value if value <= EXACT else str(value)


def timestamp(milliseconds: int) -> str:
    """Return a time as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
