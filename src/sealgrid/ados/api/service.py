"""Accepts transactions, buys each once, and keeps its answer.

A transaction is durable before its purchase, which has an idempotency key of its own: after a crash at any point the
same transaction continues, and buys nothing again.
"""

import asyncio
import logging
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from sealgrid.ados.api.keys import ApiKey
from sealgrid.ados.api.messages import UNASSIGNED, ScoreRequest, TransactionReply, TransactionStatus
from sealgrid.ados.api.references import DataReferences
from sealgrid.ados.api.store import TransactionRecord, TransactionStore, transaction_id
from sealgrid.ados.attempts import FIRST_PAUSE, LONGEST_PAUSE, Pause, is_temporary
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused, NotFound, QuotaReached, SealgridError
from sealgrid.sdk.amounts import Amount

AT_ONCE: Final = 4  #: requests whose readings are fetched and priced at one time, and transactions under way
MAX_IDEMPOTENCY_KEY: Final = 255
_log = logging.getLogger("sealgrid")


@dataclass(frozen=True, slots=True)
class ScoreQuote:
    """What a transaction would buy now."""

    app: str  #: addresses: a name may stand for another app or model later
    model: str
    price: Amount


@dataclass(frozen=True, slots=True)
class BoughtScore:
    """What was bought for a transaction."""

    bag: str
    task: str
    price: int  #: nRLC


class ScoreSeller(Protocol):
    """What the service needs of a network."""

    async def quote(self, request: ScoreRequest, readings: bytes, arguments: tuple[str, ...]) -> ScoreQuote:
        """Return what would be bought; raise for what cannot be bought."""

    async def buy(self, record: TransactionRecord, readings: bytes) -> BoughtScore:
        """Buy the run of a transaction, once for its id."""

    async def answer(self, record: TransactionRecord) -> bytes:
        """Wait for the run of a transaction and return its ``result.json``."""

    async def status(self, record: TransactionRecord) -> TransactionStatus:
        """Return the status of a bought run."""

    async def cost(self, record: TransactionRecord) -> int:
        """Return what a run that has no answer costs, in nRLC: 0 if it was refunded."""


class TransactionService:
    """The transactions of one store. ``clock`` returns Unix seconds."""

    def __init__(
        self,
        store: TransactionStore,
        seller: ScoreSeller,
        references: DataReferences,
        *,
        clock: Callable[[], float],
        at_once: int = AT_ONCE,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._store, self._seller, self._references, self._clock = store, seller, references, clock
        self._turns, self._accepting = asyncio.Semaphore(at_once), asyncio.Semaphore(at_once)
        self._creating: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._running: set[asyncio.Task[None]] = set()
        self._pause = pause

    async def submit(self, key: ApiKey, request: ScoreRequest, idempotency_key: str | None) -> TransactionReply:
        """Accept a request, or return the transaction of an earlier one with the same idempotency key.

        Raises InputRefused for a key of another request, QuotaReached for more than the API key may spend or have
        without an end, and whatever a purchase would be refused for.
        """
        if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY:
            raise InputRefused(f"an Idempotency-Key has 1 to {MAX_IDEMPOTENCY_KEY} characters.")
        name, digest = transaction_id(key.name, idempotency_key), sha256(msgspec.json.encode(request)).hex()
        async with self._creating.setdefault(name, asyncio.Lock()):  # a second request of one key finds the first one's
            if (existing := self._store.find(name)) is not None:
                if existing.request != digest:
                    raise InputRefused("this Idempotency-Key was used for another request; use another one.")
                return await self.reply(existing)
            async with self._accepting:
                record = await self._accept(key, request, name, digest)
        self.start(record)
        return await self.reply(record)

    async def _accept(self, key: ApiKey, request: ScoreRequest, name: str, digest: str) -> TransactionRecord:
        arguments = () if request.window is None else ("--window", str(request.window))
        readings = await self._references.read(request.data)
        quoted = await self._seller.quote(request, readings, arguments)
        if (spent := self._store.spent(key.name)) + quoted.price > key.spending:
            raise QuotaReached(
                f"this costs {quoted.price}; your key has spent {Amount(spent)} of {Amount(key.spending)}. Ask the "
                "operator for more."
            )
        now = int(self._clock())
        record = TransactionRecord(
            id=name,
            key=key.name,
            request=digest,
            app=quoted.app,
            model=quoted.model,
            arguments=arguments,
            created=now,
            updated=now,
            price=int(quoted.price),
        )
        self._store.create(record, readings)
        return record

    def find(self, key: ApiKey, transaction: str) -> TransactionRecord:
        """Return a transaction of an API key; raise NotFound, also for one of another key."""
        record = self._store.find(transaction)
        if record is None or record.key != key.name:
            raise NotFound(f"your key has no transaction {transaction[:80]!r}.")
        return record

    def all(self, key: ApiKey) -> tuple[TransactionRecord, ...]:
        """Return the transactions of an API key, oldest first."""
        return self._store.of_key(key.name)

    async def reply(self, record: TransactionRecord) -> TransactionReply:
        """Return the present state of a transaction, with its result if it is delivered."""
        status, data = await self._status(record), None
        if status == "DELIVERED":
            data = msgspec.json.decode(self._store.result(record), type=dict[str, Any])
        return TransactionReply(
            source=record.id,
            task_id=record.task or UNASSIGNED,
            status=status,
            price=str(Amount(record.price)) if record.task else "",
            data=data,
            error=record.error,
        )

    async def _status(self, record: TransactionRecord) -> TransactionStatus:
        match record.state:
            case "initiating":
                return "INITIATING"
            case "delivered":
                return "DELIVERED"
            case "failed":
                return "FAILED"
            case _:
                return await self._seller.status(record)

    def resume(self) -> None:
        """Continue all transactions that have no end."""
        for record in self._store.unfinished():
            self.start(record)

    def start(self, record: TransactionRecord) -> None:
        """Continue a transaction in the background."""
        task = asyncio.create_task(self._complete(record))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Stop the work in the background; a later process continues it."""
        for task in list(self._running):
            task.cancel()
        for task in list(self._running):
            with suppress(asyncio.CancelledError):
                await task

    async def _complete(self, record: TransactionRecord) -> None:
        seconds = FIRST_PAUSE
        while True:
            try:
                async with self._turns:
                    await self._end(record)
                return
            except SealgridError:  # temporary: the store still has what was bought
                record = self._store.find(record.id) or record
            except Exception as error:  # noqa: BLE001  the others continue; a restart tries this one again
                # The message of an unexpected error may have the client's readings: only its type is logged.
                _log.error("unforeseen %s in transaction %s", type(error).__name__, record.id)
                return
            await self._pause(seconds)
            seconds = min(2 * seconds, LONGEST_PAUSE)

    async def _end(self, record: TransactionRecord) -> None:
        """Buy what is not bought, then wait for the answer; raise a temporary error."""
        try:
            if record.state == "initiating":
                bought = await self._seller.buy(record, self._store.readings(record))
                record = self._changed(record, state="bought", bag=bought.bag, task=bought.task, price=bought.price)
                self._store.update(record)
            self._store.store_result(record, await self._seller.answer(record))
            self._store.update(self._changed(record, state="delivered"))
        except SealgridError as error:
            if is_temporary(error):
                raise
            self._store.update(await self._failed(self._store.find(record.id) or record, error))

    async def _failed(self, record: TransactionRecord, error: SealgridError) -> TransactionRecord:
        """Return a transaction that has no answer; one that bought nothing costs nothing."""
        cost = 0
        if record.state == "bought":
            cost = record.price
            with suppress(SealgridError):  # the chain does not say now: it counts as paid
                cost = await self._seller.cost(record)
        return self._changed(record, state="failed", error=str(error), price=cost)

    def _changed(self, record: TransactionRecord, **changes: object) -> TransactionRecord:
        return msgspec.structs.replace(record, updated=int(self._clock()), **changes)
