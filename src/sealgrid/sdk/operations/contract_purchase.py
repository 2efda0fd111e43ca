"""Bring the market's offers to a contract that buys computing itself (contracts/examples/ComputeBuyer.vy)."""

from typing import Any

from sealgrid.chain.abi import interface
from sealgrid.chain.hub import order_values
from sealgrid.errors import ChainError
from sealgrid.poco.orders import RequestOrder
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.deal_terms import choose_offers
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address, TaskId, to_digest

_BUYER = interface("ComputeBuyer")


async def buy_for(conn: Connection, contract: Address) -> TaskId:
    """Let a contract buy its run at the cheapest open offers; return the task.

    The contract pays for the run, this account for the transaction's gas. Raises OrderRefused when nothing is offered,
    ContractReverted with the number of the contract's check.
    """
    app, dataset, pool, category, tag, beneficiary, _, _ = await _read(conn, contract, "purchase")
    params = await _read(conn, contract, "params")
    request = RunRequest(app, model=dataset, pool=None if pool == ZERO_ADDRESS else pool, category=category)
    app_order, dataset_order, pool_order = await choose_offers(conn, request)
    order = RequestOrder(
        app=app,
        appmaxprice=app_order.price,
        dataset=dataset,
        datasetmaxprice=dataset_order.price,
        workerpool=pool_order.workerpool,
        workerpoolmaxprice=pool_order.price,
        requester=contract,
        beneficiary=beneficiary,
        callback=contract,
        volume=1,
        tag=to_digest(tag),
        category=category,
        params=params,
        salt=fresh_salt(),
    )
    orders = (app_order, dataset_order, pool_order, order)
    call = interface("Hub").call_data("matchOrders", *(order_values(each) for each in orders))
    receipt = await conn.wallet.call(contract, "ComputeBuyer", "buy", call, action="Buying for the contract")
    bought = next((log for log in receipt.logs if log.topics[0] == _BUYER.topic("Bought")), None)
    if bought is None:
        raise ChainError(f"{contract} bought nothing; is it a ComputeBuyer?", money="")
    return TaskId(to_digest(bought.topics[1]))


async def _read(conn: Connection, contract: Address, function: str) -> Any:
    answer = await conn.node.call(contract, _BUYER.call_data(function), action="Reading the contract")
    return _BUYER.decode(function, answer)
