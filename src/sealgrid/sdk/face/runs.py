"""One run of an app: how far it is, its result, its receipt."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.refusals import sentence_of
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import AppFailed, DealRefused, SealgridError, StillRunning, TaskFailed
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.receipts.report import Report
from sealgrid.sdk import delivery, jobs, receipts, results
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.jobs import Job
from sealgrid.sdk.results import Result
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import StageAt

_STATE = {
    TaskStatus.UNSET: "waiting", TaskStatus.ACTIVE: "running", TaskStatus.REVEALING: "running",
    TaskStatus.COMPLETED: "completed", TaskStatus.FAILED: "refunded",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run is."""

    state: str  #: by the chain: waiting, running, completed (and paid), refunded
    stages: tuple[StageAt, ...]  #: by the pool
    deadline: int | None  #: Unix seconds; a run that has no result then is refunded; None until a pool begins
    payer: Address | None  #: whose escrow pays and gets a refund: the account's own, or its sponsor's; None: no deal


class Receipt:
    """The receipt of a run, which anybody can verify."""

    def __init__(self, conn: Connection, job: Job) -> None:
        self._conn, self._job = conn, job

    async def content(self) -> bytes:
        """Return the receipt's file; raise NotFound while the run is not completed.

        Raises ReceiptRefused (20) for one that does not carry the order that this account signed.
        """
        found = await receipts.fetch_receipt(self._conn, self._job.task)
        receipts.check_own(parse_envelope(found), self._job.terms.request, self._conn.order_domain)
        return found

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
        """Return what one task costs: app, model and computing together."""
        return Amount(self._job.terms.price)

    @property
    def bag(self) -> tuple["Run", ...]:
        """Return the runs of all tasks that were bought in one deal, this one among them."""
        return tuple(Run(self._conn, job) for job in self._job.bag())

    @property
    def receipt(self) -> Receipt:
        """Return the receipt, to verify or to save."""
        return Receipt(self._conn, self._job)

    async def status(self) -> Status:
        """Return how far the run is."""
        view = await self._conn.hub.view_task(self.task)
        stages = await jobs.history(self._conn, self.task)
        paid = await jobs.payer(self._conn, self.deal)
        return Status(_STATE[view.status], stages, view.final_deadline or None, paid)

    async def result(self, told: Callable[[StageAt], None] = lambda stage: None, within: float | None = None) -> Result:
        """Wait for the end of the run and open its result; ``told`` hears every stage once.

        Raises StillRunning when it has not ended ``within`` so many seconds: it goes on, and can be waited for again.
        Raises HostFailed when no machine finished it (refunded), AppFailed with the end of the app's own words when
        the app itself failed (paid), DealRefused when the vaults refused what it asked for (paid, too).
        """
        try:
            with _money(f"The run is bought and goes on; see it with: sealgrid task show {self.task}"):
                async with asyncio.timeout(within):
                    await jobs.follow(self._conn, self._job, told)
        except TimeoutError as error:
            raise StillRunning(
                f"task {self.task} has not ended within {within:g} seconds; it goes on, open it later.",
                money="What it costs stays in escrow.",
            ) from error
        with _money(f"The run was paid; open its result later with: sealgrid task result {self.task}"):
            envelope = parse_envelope(await self.receipt.content())
            refusal = envelope.refusal
            opened = await results.open_result(self._conn, envelope.settle, self._job.result_key, refused=bool(refusal))
        if refusal:
            raise DealRefused(
                refusal, f"the vaults refused this deal: {sentence_of(refusal)}",
                money="The run was paid, as an enclave proved the refusal; PoCo pays app and model with the computing.",
            )  # fmt: skip
        if envelope.receipt.body.exit_class != "ok":
            raise AppFailed(f"the app failed: {_last_words(opened)}", money="The run was paid, as the app did run.")
        return opened

    async def opened(self) -> Result:
        """Open the result of a run that was paid, also of an app that failed: then its log is among the files."""
        return await self._opened()

    async def deliver(self, contract: str) -> None:
        """Hand the data of the deferred callback to a contract, which checks them against the chain's commitment.

        The contract has ``deliver(bytes32 task, bytes32 result, bytes32 salt, bytes data)`` (contracts/examples).
        Raises InputRefused where the run has no deferred callback, ContractReverted with the contract's reason.
        """
        await delivery.deliver(self._conn, self.task, (await self.opened()).deferred_callback, contract)

    async def log(self) -> str:
        """Return all that an app said which failed; empty for one that did not."""
        return (await self._opened()).log

    async def _opened(self) -> Result:
        envelope = parse_envelope(await self.receipt.content())
        return await results.open_result(
            self._conn, envelope.settle, self._job.result_key, refused=bool(envelope.refusal)
        )


@contextmanager
def _money(sentence: str) -> Iterator[None]:
    """Have every error say what is true of this run's money; the end of a task says so itself."""
    try:
        yield
    except TaskFailed:
        raise
    except SealgridError as error:
        error.money = sentence
        raise


def _last_words(opened: Result) -> str:
    lines = opened.log.strip().splitlines()
    return lines[-1].strip()[:500] if lines else "it said nothing."
