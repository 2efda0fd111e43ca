"""The load: bags of tasks in enclaves, and deals of tasks without a TEE, bought while parts fail.

Few tasks are open at a time, since each has to end within the category's time. A purchase that failed is repeated
without buying twice: a bag by its key; a deal, whose id is known before it is sent, once the chain does not have it.
"""

import asyncio
import contextlib
import random
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
import sqlalchemy as sql

from chaos.cluster import Cluster
from sealgrid.chain.accounts import development_key
from sealgrid.errors import SealgridError
from sealgrid.localnet.prepare import IEXEC_CATEGORY, offer_computing
from sealgrid.pool.tables import HISTORY, TASK
from sealgrid.sdk.client import AsyncClient, connect_async
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations import buy
from sealgrid.sdk.resources.bags import AsyncBag
from sealgrid.sdk.run_request import RunRequest
from sealgrid.sdk.stores.home import home
from sealgrid.units import Address

APP: Final = """
import json, os
from pathlib import Path
name = os.environ.get("IEXEC_INPUT_FILE_NAME_1")
answer = (Path("/iexec_inputs") / name).read_text() if name else os.environ["IEXEC_TASK_INDEX"]
out = Path(os.environ["IEXEC_OUT"])
(out / "answer").write_text(f"answer {answer}")
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": "/iexec_out/answer"}))
"""
REQUESTER: Final = "requester"
POOL_PRICE: Final = 10**8  #: nRLC of a task without a TEE
TRUST: Final = 2  #: the pool compares two workers, and of one whom it trusts sometimes none
_PAUSE: Final = 0.5
_TRIES: Final = 60  #: of one purchase; a part may be down for some seconds


@dataclass(frozen=True)
class Piece:
    """One purchase: a bag, or a deal without a TEE."""

    number: int
    is_tee: bool
    tasks: int


@dataclass
class Load:
    """What was bought."""

    app: Address
    conn: Connection  #: of the requester
    requester: AsyncClient
    store: str  #: SQLAlchemy URL of the pool's database
    bags: list[tuple[Piece, AsyncBag]] = field(default_factory=list)
    deals: dict[str, int] = field(default_factory=dict)  #: tasks of each deal without a TEE
    failed_purchases: int = 0
    bought: int = 0

    def ended(self) -> int:
        """Return how many tasks have ended, by the pool's book."""
        return self._count(HISTORY)

    def unended(self) -> int:
        """Return how many tasks the pool's book has open."""
        return self._count(TASK)

    def _count(self, table: sql.Table) -> int:
        arguments = {"connect_timeout": 5} if self.store.startswith("postgresql") else {}
        engine = sql.create_engine(self.store, connect_args=arguments, poolclass=sql.NullPool)
        with engine.connect() as connection:
            return int(connection.execute(sql.select(sql.func.count()).select_from(table)).scalar_one())

    async def buy_all(self, pieces: list[Piece], most: int, until: float) -> None:
        """Buy piece by piece while fewer than ``most`` tasks are open, until a time of the monotonic clock."""
        for piece in pieces:
            while await self._open_tasks() + piece.tasks > most and time.monotonic() < until:
                await asyncio.sleep(_PAUSE)
            if time.monotonic() >= until:
                return
            await self._buy(piece)

    async def _open_tasks(self) -> int:
        try:
            return self.bought - await asyncio.to_thread(self.ended)
        except sql.exc.SQLAlchemyError:
            return 1 << 30  # the database is down

    async def _buy(self, piece: Piece) -> None:
        for _ in range(_TRIES):
            try:
                sold = await (self._buy_bag(piece) if piece.is_tee else self._buy_deal(piece))
            except SealgridError:
                self.failed_purchases += 1
                await asyncio.sleep(_PAUSE)
                continue
            self.bought += sold
            return
        raise TimeoutError(f"piece {piece.number} could not be bought")

    async def _buy_bag(self, piece: Piece) -> int:
        inputs = [content_of(piece.number, index) for index in range(piece.tasks)]
        bag = await self.requester.map(self.app, inputs, key=f"chaos-{piece.number}")
        self.bags.append((piece, bag))
        return piece.tasks

    async def _buy_deal(self, piece: Piece) -> int:
        conn, sent = self.conn, list[buy.PurchasedTask]()
        request = RunRequest(self.app, tasks=piece.tasks, tee=False, trust=TRUST)
        try:
            job = await buy.run(conn, request, store=sent.append)
        except SealgridError:
            if not sent or not await _is_on_chain(conn, sent[-1]):
                raise
            job = sent[-1]
        self.deals[job.deal] = job.tasks
        return job.tasks


async def _is_on_chain(conn: Connection, job: buy.PurchasedTask) -> bool:
    for _ in range(_TRIES):
        try:
            return await buy.payer(conn, job.deal) is not None
        except SealgridError:
            await asyncio.sleep(_PAUSE)
    raise TimeoutError("the chain does not answer")


def content_of(piece: int, index: int) -> bytes:
    """Return the input of one task in an enclave."""
    return f"{piece}-{index}".encode()


def answer_of(piece: int, index: int) -> bytes:
    """Return the app's answer to this input."""
    return b"answer " + content_of(piece, index)


def draw_pieces(seed: int, tasks: int, tee: int, size: int) -> list[Piece]:
    """Return purchases of up to ``size`` tasks each, ``tee`` of the tasks in enclaves, in an order of the seed."""
    kinds = ((True, tee), (False, tasks - tee))
    counts = [(is_tee, min(size, total - at)) for is_tee, total in kinds for at in range(0, total, size)]
    random.Random(seed).shuffle(counts)
    return [Piece(number, is_tee, count) for number, (is_tee, count) in enumerate(counts)]


@contextlib.asynccontextmanager
async def prepared_load(cluster: Cluster, on_progress: Callable[[str], None]) -> AsyncIterator[Load]:
    """Deploy the app, offer both kinds of computing, and yield the load of a requester."""
    folder = cluster.folder / "app"
    folder.mkdir()
    (folder / "app.py").write_text(textwrap.dedent(APP))
    (folder / "app.toml").write_text('name = "chaos"\nversion = "1"\nentrypoint = ["app.py"]\n')
    on_progress("deploying the app")
    async with connect_async("developer", network=cluster.network, data=cluster.folder / "developer") as developer:
        app = await developer.apps.deploy(folder, price="0.001")
        await developer.apps.offer(app.address, price="0.001", tee=False)
    # A local chain's clock is a second ahead of ours for each block beyond one a second, and a run makes several.
    network = msgspec.structs.replace(cluster.network, short_category=IEXEC_CATEGORY)
    await offer_computing(network, price=POOL_PRICE, trust=TRUST)
    async with connect(network, development_key(REQUESTER)) as conn:
        requester = AsyncClient(conn, home(cluster.folder / "requester"))
        yield Load(app.address, conn, requester, cluster.layout.pool_store.read_text())
