"""One run of an app: how far it is, its result, its receipt."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import AppFailed, DealRefused, StillRunning
from sealgrid.receipts.receipt import ReceiptEnvelope, parse_envelope
from sealgrid.receipts.report import VerificationReport
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import sentence
from sealgrid.sdk.operations import buy, deliver, fetch_receipt, open_result, refunds
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.sdk.operations.run_money import money_or_unknown, with_money
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS, OnWaiting, ignore_waiting
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import StageAt

_STATE = {
    TaskStatus.UNSET: "waiting",
    TaskStatus.ACTIVE: "running",
    TaskStatus.REVEALING: "running",
    TaskStatus.COMPLETED: "completed",
    TaskStatus.FAILED: "refunded",
}


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run is."""

    state: str  #: by the chain: waiting, running, completed (and paid), refunded
    stages: tuple[StageAt, ...]  #: by the pool
    deadline: int | None  #: Unix seconds; a run that has no result then is refunded; None until a pool begins
    payer: Address | None  #: whose escrow pays and gets a refund: the account's own, or its sponsor's; None: no deal
    money: str  #: where the price is, in one sentence


class AsyncReceipt:
    """The receipt of a run, which anybody can verify."""

    def __init__(self, conn: Connection, job: PurchasedTask) -> None:
        self._conn, self._job = conn, job

    async def content(self) -> bytes:
        """Return the receipt's file; raise NotFound while the run is not completed.

        Raises ReceiptRefused (20) for one that does not carry the order that this account signed.
        """
        async with with_money(self._conn, self._job.deal, self._job.task):
            found = await fetch_receipt.fetch_receipt(self._conn, self._job.task)
            fetch_receipt.check_own(parse_envelope(found), self._job.terms.request, self._conn.order_domain)
            return found

    async def verify(self) -> VerificationReport:
        """Verify it by itself and against the chain; the report lists every check by number."""
        return await fetch_receipt.verify_on_line(self._conn, await self.content())

    async def save(self, path: str | Path) -> Path:
        """Write it to a file, for ``sealgrid receipt verify``."""
        target = Path(path)
        target.write_bytes(await self.content())
        return target


class AsyncRun:
    """A run that this account bought."""

    def __init__(self, conn: Connection, job: PurchasedTask) -> None:
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
    def bag(self) -> tuple["AsyncRun", ...]:
        """Return the runs of all tasks that were bought in one deal, this one among them."""
        return tuple(AsyncRun(self._conn, job) for job in self._job.bag())

    @property
    def receipt(self) -> AsyncReceipt:
        """Return the receipt, to verify or to save."""
        return AsyncReceipt(self._conn, self._job)

    async def status(self) -> RunStatus:
        """Return how far the run is."""
        view = await self._conn.hub.view_task(self.task)
        stages = await buy.history(self._conn, self.task)
        paid = await buy.payer(self._conn, self.deal)
        return RunStatus(_STATE[view.status], stages, view.final_deadline or None, paid, await self.money())

    async def money(self) -> str:
        """Return in one sentence where the price is, as the chain has it now: locked, paid, refunded …"""
        return sentence(await money_or_unknown(self._conn, self.deal, self.task))

    async def claim(self) -> str:
        """Have the price of this task refunded once its final deadline has passed; return where it is then.

        It does not matter whether a pool ever opened the task, and whether somebody claimed it before. Raises
        InputRefused before the deadline, with the time from which it can be claimed, and for a task that was paid.
        """
        return sentence(await refunds.claim(self._conn, self.deal, self.task))

    async def result(
        self,
        told: Callable[[StageAt], None] = lambda stage: None,
        within: float | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
        on_waiting: OnWaiting = ignore_waiting,
    ) -> RunResult:
        """Wait for the end of the run and open its result; ``told`` hears every stage once.

        ``on_waiting`` is called once, when no machine is known to work on it ``patience`` seconds after the deal: its
        argument says as text how long the price is locked. Nothing else is bought by itself.
        Raises StillRunning when it has not ended ``within`` so many seconds: it goes on, and can be waited for again.
        Raises HostFailed when no machine finished it (refunded), AppFailed with the end of the app's own words when
        the app itself failed (paid), DealRefused when the vaults refused what it asked for (paid, too).
        """
        async with with_money(self._conn, self.deal, self.task):
            try:
                async with asyncio.timeout(within):
                    await buy.follow(self._conn, self._job, told, patience=patience, on_waiting=on_waiting)
            except TimeoutError as error:
                raise StillRunning(
                    f"task {self.task} has not ended within {within:g} seconds; it goes on, open it later."
                ) from error
            opened, envelope = await self._opened()
            if envelope.refusal:
                raise DealRefused(
                    envelope.refusal, f"the vaults refused this deal: {refusal_message(envelope.refusal)}"
                )
            if envelope.receipt.body.exit_class == "unopened":
                raise AppFailed(
                    "the model's file does not open with the key that its owner deposited, and the vaults refuse this "
                    "key from now on; use another model."
                )
            if envelope.receipt.body.exit_class != "ok":
                raise AppFailed(f"the app failed: {_last_words(opened)}")
            return opened

    async def opened(self) -> RunResult:
        """Open the result of a run that was paid, also of an app that failed: then its log is among the files."""
        opened, _ = await self._opened()
        return opened

    async def deliver(self, contract: str) -> None:
        """Hand the data of the deferred callback to a contract, which checks them against the chain's commitment.

        The contract has ``deliver(bytes32 task, bytes32 result, bytes32 salt, bytes data)`` (contracts/examples).
        Raises InputRefused where the run has no deferred callback, ContractReverted with the contract's reason.
        """
        await deliver.deliver(self._conn, self.task, (await self.opened()).deferred_callback, contract)

    async def log(self) -> str:
        """Return all that an app said which failed; empty for one that did not."""
        return (await self.opened()).log

    async def _opened(self) -> tuple[RunResult, ReceiptEnvelope]:
        async with with_money(self._conn, self.deal, self.task):
            envelope = parse_envelope(await self.receipt.content())
            opened = await open_result.open_result(
                self._conn, envelope.settle, self._job.result_key, refused=bool(envelope.refusal)
            )
            return opened, envelope


def _last_words(opened: RunResult) -> str:
    lines = opened.log.strip().splitlines()
    return lines[-1].strip()[:500] if lines else "it said nothing."
