"""Executes the chain calls that tasks need, many in one transaction, and follows each transaction to its end.

A transaction is stored before it is sent, in one database transaction with its nonce and the tasks that it carries. A
crash at any moment leaves either none of it, or all that is needed to send it again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from itertools import islice, zip_longest
from typing import Final

import msgspec

from sealgrid.chain.blocks import BlockTag
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ChainError, SealgridError, ServiceUnavailable
from sealgrid.pool import events as e
from sealgrid.pool.effects import ChainCall, ChainCallKind
from sealgrid.pool.next_actions import chain_call
from sealgrid.pool.operations import apply_events, pending_calls
from sealgrid.pool.pool_store import TaskRows
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.transaction_sender import TransactionSender, hub_call
from sealgrid.pool.transactions import ARRAY_FUNCTIONS, SINGLE_FUNCTIONS, PoolTransaction
from sealgrid.units import TaskId
from sealgrid.wire.storage import results_hint

MAX_ARRAY: Final = 50  #: calls in one transaction; claims cost up to 0.3 million gas each
MAX_IN_FLIGHT: Final = 8  #: transactions that no block has
MAX_UNCONFIRMED: Final = 64  #: transactions that have not ended, those in blocks that are not confirmed included
GAS_MARGIN: Final = 1.2  #: PoCo asserts that gas is left after a callback, which an estimate may cut too fine
STUCK_SECONDS: Final = 30.0  #: after which a transaction is replaced by one with higher fees
MAX_RAISE: Final = 10  #: times the market's fees, above which higher ones do not help
RESEND_SECONDS: Final = 3.0  #: after which a transaction that the node lost is sent again
_IDLE: Final = 1.0  #: seconds between two checks when nothing was announced
_POLL: Final = 0.02  #: seconds between the first two checks of a sent transaction; doubles up to _IDLE
_KINDS: Final[tuple[ChainCallKind, ...]] = (*ARRAY_FUNCTIONS, *SINGLE_FUNCTIONS)
_log = logging.getLogger("sealgrid.pool")


class ChainExecutor:
    """Makes chain calls for one pool; ``clock`` returns Unix seconds.

    ``confirmations`` and ``final`` are the depth and the tag of ``Node.confirmed_block``.
    """

    def __init__(
        self,
        book: TaskBook,
        hub: Hub,
        sender: TransactionSender,
        *,
        retry: float,
        confirmations: int = 1,
        final: BlockTag | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._book, self._hub, self._sender = book, hub, sender
        self._retry, self._confirmations, self._final, self._clock = retry, confirmations, final, clock

    async def run(self) -> None:
        """Execute pending calls until cancelled."""
        pause, in_flight = _POLL, 0
        while True:
            try:
                before, in_flight = in_flight, await self.execute_pending()
            except SealgridError as error:
                _log.warning("transactions wait: %s", error)
                in_flight = 0
            except Exception:  # noqa: BLE001  the rest of the pool must go on
                _log.exception("transactions wait")
                in_flight = 0
            pause = min(pause * 2, _IDLE) if in_flight and in_flight == before else _POLL
            await self._book.wait_for_work(pause if in_flight else min(_IDLE, self._retry))

    async def execute_pending(self) -> int:
        """Follow sent transactions, then send new ones; return how many have not ended."""
        stored = await self._book.lead(lambda rows: rows.transactions())
        waiting = len([each for each in stored if not await self._follow(each)])
        now, room = self._clock(), min(MAX_IN_FLIGHT - waiting, MAX_UNCONFIRMED - len(stored))
        due = await self._book.lead(lambda rows: [_batches(rows, kind, now) for kind in _KINDS])
        # In turns: otherwise one kind of call would wait until no call of another kind is due.
        in_turns = (batch for turn in zip_longest(*due) for batch in turn if batch)
        for batch in islice(in_turns, max(0, room)):
            await self._submit(batch[0].kind, batch)
        return len(await self._book.lead(lambda rows: rows.transactions()))

    async def _submit(self, kind: ChainCallKind, calls: Sequence[ChainCall]) -> None:
        data, to = _data(kind, calls), calls[0].forward.account if calls[0].forward else None
        try:
            gas = await self._sender.estimate(data, to)
        except ServiceUnavailable:
            raise
        except ChainError as refused:  # anyone may have made one of the calls
            await self._split(kind, calls, refused)
            return
        if (forward := calls[0].forward) is not None and gas > forward.gas:
            reason = f"it needs {gas} gas, and the pool pays {forward.gas} at most"
            await self._apply([self._forward_ended(calls[0].task, reason, final=True)])
            return
        fees = await self._sender.fees()
        stored = await self._book.lead(lambda rows: [each.nonce for each in rows.transactions()])
        nonce = await self._sender.nonce()
        while nonce in stored:  # the lowest free one: no later one is mined before it
            nonce += 1
        raw, sent = await self._sender.sign(nonce, data, int(gas * GAS_MARGIN), fees, to)
        transaction = PoolTransaction(
            nonce=nonce,
            epoch=self._book.epoch or 0,
            kind=kind,
            tasks=tuple(call.task for call in calls),
            data=data,
            to=to,
            gas=int(gas * GAS_MARGIN),
            fees=fees,
            raw=raw,
            hashes=(sent,),
            sent_at=self._clock(),
        )
        if await self._book.lead(lambda rows: self._store(rows, transaction, calls)):
            await self._send(transaction)

    def _store(self, rows: TaskRows, transaction: PoolTransaction, calls: Sequence[ChainCall]) -> bool:
        """Store a transaction, unless its tasks no longer need its calls."""
        tasks = rows.tasks(transaction.tasks)
        if any(chain_call(tasks[call.task]) != call for call in calls):
            return False
        rows.save_transaction(transaction)
        at, nonce = self._clock(), transaction.nonce
        submitted = [e.ChainCallSubmitted(task=task, at=at, nonce=nonce) for task in transaction.tasks]
        apply_events(rows, submitted, self._book.rules)
        return True

    async def _split(self, kind: ChainCallKind, calls: Sequence[ChainCall], refused: ChainError) -> None:
        """Apply calls that the chain has already, and send the others in two halves."""
        changed = await self._read_status(kind, [call.task for call in calls])
        if changed:
            await self._apply(changed)
            done = {event.task for event in changed}
            left = [call for call in calls if call.task not in done]
            if left:
                await self._submit(kind, left)
        elif len(calls) > 1:
            middle = len(calls) // 2
            await self._submit(kind, calls[:middle])
            await self._submit(kind, calls[middle:])
        elif kind == "forward":  # its worker asks again while it can
            await self._apply([self._forward_ended(calls[0].task, refused.message)])
        else:
            now = self._clock()
            await self._apply([e.ChainCallPostponed(task=calls[0].task, at=now, until=now + self._retry)])
            _log.warning("%s of task %s waits: %s", kind, calls[0].task, refused)

    def _forward_ended(
        self, task: TaskId, reason: str, *, final: bool = False, reverted: bool = False
    ) -> e.CallForwardEnded:
        _log.warning("the result of task %s is not on the chain: %s", task, reason)
        return e.CallForwardEnded(task=task, at=self._clock(), reason=reason, final=final, reverted=reverted)

    async def _read_status(self, kind: ChainCallKind, tasks: Sequence[TaskId]) -> list[e.AnyTaskEvent]:
        """Return events of tasks that, in the newest confirmed block, no longer need such a call."""
        at, block = self._clock(), await self._hub.node.block(await self._confirmed_number())
        views = await asyncio.gather(*(self._hub.view_task(task, at=block.hash) for task in tasks))
        events: list[e.AnyTaskEvent] = []
        for task, view in zip(tasks, views, strict=True):
            if view.status is TaskStatus.COMPLETED:
                events.append(e.TaskFinalized(task=task, at=at))
            elif view.status is TaskStatus.FAILED:
                events.append(e.TaskRefunded(task=task, at=at))
            elif view.status is not TaskStatus.UNSET and kind in {"initialize", "initialize and claim"}:
                events.append(e.TaskInitialized(task=task, at=at))
        return events

    async def _send(self, transaction: PoolTransaction) -> None:
        try:
            await self._sender.send(transaction)
        except SealgridError as error:  # it is stored, and sent again
            _log.warning("transaction %d was not accepted: %s", transaction.nonce, error)

    async def _follow(self, transaction: PoolTransaction) -> bool:
        """Take the effects of a transaction that has ended; repeat or replace one that does not end.

        Return whether a block has its nonce.
        """
        used = await self._sender.nonce("latest") > transaction.nonce
        outcome, confirmed = await self._sender.outcome(transaction), await self._confirmed_number()
        if outcome is not None:
            if outcome.block_number <= confirmed:
                await self._end(transaction, await self._ended(transaction, reverted=outcome.reverted))
        elif used:  # by a transaction that this pool did not store
            if await self._sender.nonce(hex(confirmed)) > transaction.nonce:
                await self._end(transaction, [])
        elif self._clock() >= transaction.sent_at + STUCK_SECONDS:
            await self._replace(transaction)
        elif self._clock() >= transaction.sent_at + RESEND_SECONDS and not await self._sender.is_known(transaction):
            await self._send(transaction)
        return outcome is not None or used

    async def _ended(self, transaction: PoolTransaction, *, reverted: bool) -> list[e.AnyTaskEvent]:
        """Return what a transaction in a confirmed block means for its tasks."""
        if not reverted:
            return _effects(transaction, self._clock())
        if transaction.kind != "forward":
            return []
        # Another account may have sent the same result first; then the worker is not at fault.
        done = await self._read_status("forward", transaction.tasks)
        return done or [
            self._forward_ended(task, "its transaction reverted", reverted=True) for task in transaction.tasks
        ]

    async def _confirmed_number(self) -> int:
        """Return the number of the newest block that is confirmed: what a later one says may not last."""
        return (await self._hub.node.confirmed_block(self._confirmations, self._final)).number

    async def _replace(self, transaction: PoolTransaction) -> None:
        market = await self._sender.fees()
        if transaction.fees.highest > MAX_RAISE * market.highest:  # the fees are not what it waits for
            replacement = msgspec.structs.replace(transaction, sent_at=self._clock())
        else:
            fees = transaction.fees.raised(market)
            raw, sent = await self._sender.sign(
                transaction.nonce, transaction.data, transaction.gas, fees, transaction.to
            )
            hashes = (*transaction.hashes, sent)
            replacement = msgspec.structs.replace(transaction, raw=raw, fees=fees, hashes=hashes, sent_at=self._clock())
        await self._book.lead(lambda rows: rows.save_transaction(replacement))
        await self._send(replacement)

    async def _end(self, transaction: PoolTransaction, effects: Sequence[e.AnyTaskEvent]) -> None:
        at, nonce = self._clock(), transaction.nonce
        ended: list[e.AnyTaskEvent] = [e.ChainCallEnded(task=task, at=at, nonce=nonce) for task in transaction.tasks]
        if transaction.kind == "forward":
            ended += [e.CallForwardEnded(task=task, at=at) for task in transaction.tasks]

        def operation(rows: TaskRows) -> None:
            rows.remove_transaction(nonce)
            apply_events(rows, [*effects, *ended], self._book.rules)
            self._book.fill_queue(rows, at)

        await self._book.lead(operation)

    async def _apply(self, events: Sequence[e.AnyTaskEvent]) -> None:
        def operation(rows: TaskRows) -> None:
            apply_events(rows, events, self._book.rules)
            self._book.fill_queue(rows, self._clock())

        await self._book.lead(operation)


def _batches(rows: TaskRows, kind: ChainCallKind, now: float) -> list[list[ChainCall]]:
    """Return the calls of one kind that are due, by transactions."""
    most = MAX_ARRAY if kind in ARRAY_FUNCTIONS else 1
    calls = pending_calls(rows, kind, now, most * MAX_IN_FLIGHT)
    return [calls[start : start + most] for start in range(0, len(calls), most)]


def _data(kind: ChainCallKind, calls: Sequence[ChainCall]) -> bytes:
    if (forward := calls[0].forward) is not None:
        return forward.data
    if kind == "finalize":
        return hub_call("finalize", calls[0].task, results_hint(calls[0].result), b"")
    if kind == "reopen":
        return hub_call("reopen", calls[0].task)
    if kind == "claim":
        return hub_call(ARRAY_FUNCTIONS[kind], [call.task for call in calls])
    return hub_call(ARRAY_FUNCTIONS[kind], [call.deal for call in calls], [call.index for call in calls])


def _effects(transaction: PoolTransaction, at: float) -> list[e.AnyTaskEvent]:
    if transaction.kind == "initialize":
        return [e.TaskInitialized(task=task, at=at) for task in transaction.tasks]
    if transaction.kind in {"finalize", "forward"}:
        return [e.TaskFinalized(task=task, at=at) for task in transaction.tasks]
    if transaction.kind == "reopen":
        return [e.TaskReopened(task=task, at=at) for task in transaction.tasks]
    return [e.TaskRefunded(task=task, at=at) for task in transaction.tasks]
