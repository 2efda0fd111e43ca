"""A pool, its only worker, a requester, and one deal of one task."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sealgrid.attestation.statements import WorkerCall
from sealgrid.chain.blocks import Block
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.claims import Assignment, WorkerRequest, claim
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.units import Address, DealId, to_address, to_digest
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import SignedCall, Stage
from sealgrid.wire.worker_session import WorkerLogin

CHAIN, DEAL = 31337, DealId(to_digest(b"\x0d" * 32))
TASK = task_id(DEAL, 0)
POOL, WORKER = to_address(b"\x0f" * 20), SigningKey.from_bytes(b"\x01" * 32)
REQUESTER, STRANGER = SigningKey.from_bytes(b"\x02" * 32), SigningKey.from_bytes(b"\x03" * 32)
DOMAIN = Domain(CHAIN, to_address(b"\x0e" * 20))
WORKERS = AllowedWorkers(domain=DOMAIN, pool=POOL, allowed={WORKER.address})
BLOCK = Block(number=7, hash=to_digest(b"\x07" * 32), parent=to_digest(b"\x06" * 32), timestamp=100)
MATCHED = e.DealMatched(
    at=1,
    deal=DEAL,
    first=0,
    size=1,
    app=POOL,
    app_digest=DEAL,
    bundle="/ipfs/b",
    contribution_deadline=2**40,
    final_deadline=2**41,
    requester=REQUESTER.address,
)

RULES = PoolRules()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def signed_call(message: Message, *, issued: int = 1000, pool: Address = POOL, key: SigningKey = WORKER) -> SignedCall:
    payload = encode(message)
    statement = WorkerCall(pool=pool, worker=key.address, content=to_digest(sha256(payload)), issued=issued)
    return SignedCall(worker=key.address, issued=issued, signature=statement.sign(DOMAIN, key), payload=payload)


def signed_login(*, issued: int = 1000, by: SigningKey = WORKER) -> tuple[SignedCall, HpkeKey]:
    key = HpkeKey.generate()
    return signed_call(WorkerLogin(public=key.public), issued=issued, key=by), key


@contextmanager
def open_book(folder: Path, rules: PoolRules = RULES) -> Iterator[TaskBook]:
    """Open the tasks of a pool in an SQLite file of a folder."""
    store = SqlPoolStore(f"sqlite:///{folder}/tasks.sqlite", rules)
    book = TaskBook(store, rules)
    with store.transaction() as rows:
        book.epoch = rows.begin_epoch()
    yield book
    book.close()
    store.close()


async def assign(book: TaskBook, at: float) -> tuple[Assignment, ...]:
    """Assign a task to the worker."""
    requests = [WorkerRequest(WORKER.address)]
    return (await book.run(lambda rows: claim(rows, requests, at, int(at), book.rules))).assignments


def reported(stage: Stage, at: float, *, fence: int = 1, detail: str = "", check: str = "") -> e.StageReported:
    """Return the worker's report about the task."""
    return e.StageReported(
        at=at, task=TASK, worker=WORKER.address, fence=fence, stage=stage, detail=detail, check=check
    )
