"""The batch writer: batches, and errors that reach only the operation that caused them."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from sealgrid.market.book.order_book import OrderBook
from sealgrid.market.chain.ledger import ChainLedger
from sealgrid.market.store import BatchResult, ConsumeChallenge, Operation, OrderStore, StoreChallenge
from sealgrid.market.writer import BatchWriter
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import to_address, to_digest

ANNA = to_address(b"\x0a" * 20)
DIGESTS = [to_digest(bytes([n]) * 32) for n in range(5)]


class CountingStore(OrderStore):
    """The real store; counts transactions, and fails each while ``error`` is set."""

    error: Exception | None = None
    sizes: list[int]

    def perform(self, operations: Sequence[Operation]) -> BatchResult:
        self.sizes.append(len(operations))
        if self.error is not None:
            raise self.error
        return super().perform(operations)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CountingStore]:
    store = CountingStore(f"sqlite:///{tmp_path / 'market.sqlite'}", OrderDomain(chain=1, hub=ANNA))
    store.sizes = []
    yield store
    store.close()


async def submit_together(store: OrderStore, operations: Sequence[Operation]) -> list[bool | BaseException]:
    writer = BatchWriter(store, OrderBook(ChainLedger({})), lambda _: None)
    waiting = [asyncio.ensure_future(writer.submit(each)) for each in operations]
    await asyncio.sleep(0)  # every operation is queued before the writer starts
    running = asyncio.ensure_future(writer.run())
    try:
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 20)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_operations_that_wait_together_share_one_transaction(store: CountingStore) -> None:
    results = await submit_together(store, [StoreChallenge(digest, ANNA, 1) for digest in DIGESTS])
    assert results == [True] * 5
    assert store.sizes == [5]


async def test_an_error_reaches_only_the_operation_that_caused_it(store: CountingStore) -> None:
    operations: list[Operation] = [StoreChallenge(digest, ANNA, 1) for digest in DIGESTS]
    operations[2] = StoreChallenge(DIGESTS[0], ANNA, 1)  # the same primary key as the first
    results = await submit_together(store, operations)
    assert [each if isinstance(each, bool) else type(each).__name__ for each in results] == [
        True,
        True,
        "IntegrityError",
        True,
        True,
    ]
    assert store.sizes == [5, 1, 1, 1, 1, 1]
    consumed = [ConsumeChallenge(DIGESTS[n], ANNA, 2) for n in (0, 1, 2, 3)]
    assert store.perform(consumed).had_effect == (True, True, False, True)  # the failed one was not stored


async def test_an_unavailable_database_fails_the_batch_without_a_retry(store: CountingStore) -> None:
    store.error = OperationalError("COMMIT", {}, Exception("disk I/O error"))
    results = await submit_together(store, [StoreChallenge(digest, ANNA, 1) for digest in DIGESTS])
    assert results == [store.error] * 5
    assert store.sizes == [5]
