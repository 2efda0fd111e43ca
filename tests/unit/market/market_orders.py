"""Orders and chain events from which tests build ledgers and books."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from sealgrid.chain.events import AssetTransferred, OrderClosed, OrderSigned, OrdersMatched, Transfer
from sealgrid.market.book.order_book import PublishedOrder
from sealgrid.market.chain.ledger import ChainLedger
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_address, to_digest

APP, OTHER_APP, MODEL, POOL, ANNA, BERT = (to_address(bytes([number]) * 20) for number in range(1, 7))
APPS, DATASETS, POOLS = (to_address(bytes([number]) * 20) for number in range(0xA1, 0xA4))
REGISTRIES = {APPS: "App", DATASETS: "Dataset", POOLS: "Workerpool"}
ASSETS = {APP: APPS, OTHER_APP: APPS, MODEL: DATASETS, POOL: POOLS}


def hash_of(number: int) -> Digest:
    return to_digest(number.to_bytes(32, "big"))


def published_order(
    order: Order, number: int, *, signer: Address = ANNA, at: int = 0, presigned: bool = False
) -> PublishedOrder:
    return PublishedOrder(
        order_hash=hash_of(number),
        order=order,
        signer=signer,
        published_at=at,
        presigned=presigned,
    )


def request(pays: int = 0, **fields: Any) -> RequestOrder:
    return RequestOrder(**{"app": APP, "requester": BERT, "beneficiary": BERT, "workerpoolmaxprice": pays} | fields)


def at_block(block: int) -> dict[str, Any]:
    return {"block_number": block, "block_hash": hash_of(block), "transaction": hash_of(0), "log_index": 0}


def asset_transferred(asset: Address, to: Address, block: int = 1) -> AssetTransferred:
    return AssetTransferred(registry=ASSETS[asset], asset=asset, sender=ZERO_ADDRESS, receiver=to, **at_block(block))


def escrow_transferred(sender: Address, receiver: Address, amount: int, block: int = 1) -> Transfer:
    return Transfer(sender=sender, receiver=receiver, amount=amount, **at_block(block))


def order_closed(number: int, block: int = 1) -> OrderClosed:
    return OrderClosed(order_hash=hash_of(number), **at_block(block))


def order_signed(number: int, block: int = 1) -> OrderSigned:
    return OrderSigned(order_hash=hash_of(number), **at_block(block))


def orders_matched(*numbers: int, volume: int, block: int = 1) -> OrdersMatched:
    app, dataset, pool, request = map(hash_of, numbers)
    return OrdersMatched(
        deal=hash_of(99),
        app_hash=app,
        dataset_hash=dataset,
        workerpool_hash=pool,
        request_hash=request,
        volume=volume,
        **at_block(block),
    )


def at_height(events: list[Any], block: int) -> list[Any]:
    """Return the events moved to a block."""
    return [msgspec.structs.replace(event, block_number=block) for event in events]


def funded_ledger() -> ChainLedger:
    """Return a ledger in which Anna owns every asset, and Anna and Bert have escrow."""
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([asset_transferred(asset, ANNA, 0) for asset in ASSETS])
    ledger.apply([escrow_transferred(ZERO_ADDRESS, who, 10**9, 0) for who in (ANNA, BERT)])
    return ledger


numbers = st.integers(1, 12)
accounts = st.sampled_from([ANNA, BERT, ZERO_ADDRESS])
hub_events = st.one_of(
    st.builds(asset_transferred, st.sampled_from(sorted(ASSETS)), st.sampled_from([ANNA, BERT])),
    st.builds(escrow_transferred, accounts, accounts, st.integers(0, 10**10)),
    st.builds(order_closed, numbers),
    st.builds(order_signed, numbers),
    st.builds(
        lambda four, volume: orders_matched(*four, volume=volume),
        st.tuples(numbers, numbers, numbers, numbers),
        st.integers(1, 3),
    ),
)
addresses = st.sampled_from([APP, OTHER_APP, MODEL, POOL, ANNA, BERT])
restrictions = st.sampled_from([ZERO_ADDRESS, APP, BERT])
prices, volumes = st.integers(0, 5), st.integers(1, 4)
tags = st.integers(0, 7).map(hash_of)
orders = st.one_of(
    st.builds(AppOrder, app=addresses, appprice=prices, volume=volumes, tag=tags, requesterrestrict=restrictions),
    st.builds(DatasetOrder, dataset=addresses, datasetprice=prices, volume=volumes, apprestrict=restrictions, tag=tags),
    st.builds(
        WorkerpoolOrder,
        workerpool=addresses,
        category=st.integers(0, 2),
        trust=st.integers(0, 3),
        workerpoolprice=prices,
        volume=volumes,
        tag=tags,
    ),
    st.builds(
        RequestOrder,
        app=addresses,
        requester=addresses,
        beneficiary=addresses,
        workerpoolmaxprice=prices,
        volume=volumes,
        tag=tags,
        trust=st.integers(0, 3),
    ),
)
