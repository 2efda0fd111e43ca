"""Deliver a deferred callback: hand its data to a contract that checks them against the chain's commitment."""

from sealgrid.errors import InputRefused
from sealgrid.receipts.deferred_callback import DeferredCallback
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.fetch_receipt import fetch_receipt
from sealgrid.units import TaskId, to_address


async def deliver(conn: Connection, task: TaskId, callback: DeferredCallback | None, contract: str) -> None:
    """Send the data of a completed task's deferred callback to ``contract``, at this account's gas.

    Raises InputRefused where the task has none or ``contract`` is no address, ContractReverted with the contract's
    reason for refusing it.
    """
    if callback is None:
        raise InputRefused(f"task {task} has no deferred callback; ask for one when you buy the run.", money="")
    try:
        target = to_address(contract.lower())
    except ValueError as error:
        raise InputRefused(f"{contract!r} is no contract's address.", money="") from error
    result = parse_envelope(await fetch_receipt(conn, task)).receipt.body.covering_digest
    arguments = (task, result, callback.salt, callback.data)
    await conn.wallet.call(target, "AnswerReceiver", "deliver", *arguments, doing="Delivering the callback data")
