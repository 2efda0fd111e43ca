"""One run of an app: how far it is, its result, its receipt."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import AppFailed
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.receipts.report import Report
from sealgrid.sdk import jobs, receipts, results
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.jobs import Job
from sealgrid.sdk.results import Result
from sealgrid.units import DealId, TaskId
from sealgrid.wire.pool import StageAt

LOG_FILE = "app.log"  #: in the result of an app that failed
_STATE = {
    TaskStatus.UNSET: "waiting", TaskStatus.ACTIVE: "running", TaskStatus.REVEALING: "running",
    TaskStatus.COMPLETED: "completed", TaskStatus.FAILED: "refunded",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run is."""

    state: str  #: by the chain: waiting, running, completed (and paid), refunded
    stages: tuple[StageAt, ...]  #: by the pool


class Receipt:
    """The receipt of a run, which anybody can verify."""

    def __init__(self, conn: Connection, job: Job) -> None:
        self._conn, self._job = conn, job

    async def content(self) -> bytes:
        """Return the receipt's file; raise NotFound while the run is not completed."""
        return await receipts.fetch_receipt(self._conn, self._job.task)

    async def verify(self) -> Report:
        """Verify it by itself and against the chain; the report lists every check by number."""
        return await receipts.verify_on_line(self._conn, await self.content())

    async def save(self, path: str | Path) -> Path:
        """Write it to a file, for ``sealgrid receipt verify``."""
        target = Path(path)
        target.write_bytes(await self.content())
        return target


class Run:
    """A run that this account bought."""

    def __init__(self, conn: Connection, job: Job) -> None:
        self._conn, self._job = conn, job

    @property
    def task(self) -> TaskId:
        """Return the id of the task; with it and the file of its key the result opens at any later time."""
        return self._job.task

    @property
    def deal(self) -> DealId:
        """Return the id of the deal."""
        return self._job.deal

    @property
    def price(self) -> Amount:
        """Return what the run costs: app, model and computing together."""
        terms = self._job.terms
        return Amount(terms.app.appprice + terms.dataset.datasetprice + terms.workerpool.workerpoolprice)

    @property
    def receipt(self) -> Receipt:
        """Return the receipt, to verify or to save."""
        return Receipt(self._conn, self._job)

    async def status(self) -> Status:
        """Return how far the run is."""
        view = await self._conn.hub.view_task(self.task)
        return Status(_STATE[view.status], await jobs.history(self._conn, self.task))

    async def result(self, told: Callable[[StageAt], None] = lambda stage: None) -> Result:
        """Wait for the end of the run and open its result; ``told`` hears every stage once.

        Raises HostFailed when no machine finished it (refunded), AppFailed with the end of the app's own words when
        the app itself failed (paid).
        """
        await jobs.follow(self._conn, self._job, told)
        opened, exit_class = await self._opened()
        if exit_class != "ok":
            raise AppFailed(f"the app failed: {_last_words(opened)}", money="The run was paid, as the app did run.")
        return opened

    async def log(self) -> str:
        """Return all that an app said which failed; empty for one that did not."""
        opened, _ = await self._opened()
        return opened.files.get(LOG_FILE, b"").decode(errors="replace")

    async def _opened(self) -> tuple[Result, str]:
        envelope = parse_envelope(await self.receipt.content())
        opened = await results.open_result(self._conn, envelope.settle, self._job.result_key)
        return opened, envelope.receipt.body.exit_class


def _last_words(opened: Result) -> str:
    lines = opened.files.get(LOG_FILE, b"").decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else "it said nothing."
