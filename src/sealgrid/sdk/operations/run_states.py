"""The state of a task as people read it: from the chain, and of a paid task from its verified receipt."""

from typing import Final, Literal, get_args

from sealgrid.chain.views import TaskStatus
from sealgrid.receipts.run_record import PAID_STATES, PaidState
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.fetch_receipt import find_verified_receipt
from sealgrid.sdk.operations.run_money import final_deadline
from sealgrid.units import DealId, TaskId

#: "refundable": its final deadline has passed, and its price can be claimed back
OtherState = Literal["waiting", "running", "refundable", "refunded", "unknown"]
RunState = PaidState | OtherState
PAID: Final[frozenset[RunState]] = frozenset(get_args(PaidState))


async def run_state(conn: Connection, task: TaskId, deal: DealId, now: int) -> RunState:
    """Return the state of a task of a deal at ``now``, the chain's Unix seconds."""
    view = await conn.hub.view_task(task)
    match view.status:
        case TaskStatus.COMPLETED:
            return await paid_state(conn, task)
        case TaskStatus.FAILED:
            return "refunded"
        case TaskStatus.UNSET:
            until = await final_deadline(conn, await conn.hub.view_deal(deal))
            return "refundable" if now >= until else "waiting"
        case _:
            return "refundable" if now >= view.final_deadline else "running"


async def paid_state(conn: Connection, task: TaskId) -> PaidState:
    """Return how a paid task ended; "paid" without a receipt whose checks hold."""
    receipt = await find_verified_receipt(conn, task)
    return "paid" if receipt is None else PAID_STATES[receipt.body.exit_class]
