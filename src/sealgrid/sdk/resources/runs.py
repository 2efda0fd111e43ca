"""A purchased run: its status, result and receipt."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.errors import AppFailed, DealRefused, InputRefused, StillRunning
from sealgrid.poco.tags import is_tee
from sealgrid.receipts.receipt import ReceiptEnvelope, parse_envelope
from sealgrid.receipts.report import VerificationReport
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import sentence
from sealgrid.sdk.operations import buy, fetch_receipt, open_result, refunds
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.follow import OnStage, follow, history, ignore_stage
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.sdk.operations.run_money import money_or_unknown, with_money
from sealgrid.sdk.operations.run_states import RunState, run_state
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS, OnWaiting, ignore_waiting
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import StageAt


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The state of a run."""

    state: RunState  #: from the chain, and of a paid run from its verified receipt: answered, app-failed …
    stages: tuple[StageAt, ...]  #: from the pool
    deadline: int | None  #: Unix seconds; without a result by then the run is refunded; None until a pool begins
    payer: Address | None  #: the account whose escrow pays and gets refunds; None without a deal
    money: str  #: one sentence that says where the price is


class AsyncReceipt:
    """The receipt of a run; anyone can verify it."""

    def __init__(self, conn: Connection, job: PurchasedTask) -> None:
        self._conn, self._job = conn, job

    async def content(self) -> bytes:
        """Return the receipt's bytes; raise NotFound while the run is not completed, InputRefused without a TEE.

        Raises ReceiptRefused (20) for a receipt without the order that this account signed.
        """
        if not is_tee(self._job.terms.request.tag):
            raise InputRefused("a run without a TEE has no receipt: no enclave signed its result.", money="")
        async with with_money(self._conn, self._job.deal, self._job.task):
            content = await fetch_receipt.fetch_receipt(self._conn, self._job.task)
            fetch_receipt.check_own(parse_envelope(content), self._job.terms.request, self._conn.order_domain)
            return content

    async def verify(self) -> VerificationReport:
        """Verify the receipt against the network's pins and the chain; the report lists each check by number."""
        return await fetch_receipt.verify_online(self._conn, await self.content())

    async def save(self, path: str | Path) -> Path:
        """Write the receipt to a file, for ``sealgrid receipt verify``."""
        target = Path(path)
        target.write_bytes(await self.content())
        return target


class AsyncRun:
    """One task that this account bought."""

    def __init__(self, conn: Connection, job: PurchasedTask) -> None:
        self._conn, self._job = conn, job

    @property
    def task(self) -> TaskId:
        """Return the task id; with it and the stored key ``Client.reopen`` opens the result at any later time."""
        return self._job.task

    @property
    def deal(self) -> DealId:
        """Return the id of the deal."""
        return self._job.deal

    @property
    def app(self) -> Address:
        """Return the address of the app."""
        return self._job.terms.app.app

    @property
    def tee(self) -> bool:
        """Return whether an enclave computes the run; without one, its input and result are public."""
        return is_tee(self._job.terms.request.tag)

    @property
    def price(self) -> Amount:
        """Return the price of one task: app, model and computing together."""
        return Amount(self._job.terms.price)

    @property
    def tasks(self) -> tuple["AsyncRun", ...]:
        """Return the runs of all tasks of the deal, including this one."""
        return tuple(AsyncRun(self._conn, job) for job in self._job.all_tasks())

    @property
    def receipt(self) -> AsyncReceipt:
        """Return the receipt, to verify or save it."""
        return AsyncReceipt(self._conn, self._job)

    async def status(self) -> RunStatus:
        """Return the state of the run."""
        view, head = await asyncio.gather(self._conn.hub.view_task(self.task), self._conn.node.block())
        state = await run_state(self._conn, self.task, self.deal, head.timestamp)
        stages = await history(self._conn, self.task)
        payer = await buy.payer(self._conn, self.deal)
        return RunStatus(state, stages, view.final_deadline or None, payer, await self.money())

    async def money(self) -> str:
        """Return one sentence that says where the price is now, by the chain: locked, paid, refunded …"""
        return sentence(await money_or_unknown(self._conn, self.deal, self.task))

    async def claim(self) -> str:
        """Claim the refund of a task that missed its final deadline; return where the price is then.

        Works also for a task that no pool opened or that was claimed before. Raises InputRefused before the deadline,
        with the time from which the refund can be claimed, and for a task that was paid.
        """
        return sentence(await refunds.claim(self._conn, self.deal, self.task))

    async def result(
        self,
        on_progress: OnStage = ignore_stage,
        timeout: float | None = None,  # noqa: ASYNC109  part of the public signature
        *,
        patience: float = PATIENCE_SECONDS,
        on_waiting: OnWaiting = ignore_waiting,
        on_detail: OnStage = ignore_stage,
    ) -> RunResult:
        """Wait for the end of the run and open its result; ``on_progress`` is called once with each stage.

        ``on_detail`` is called with the present stage when it has a new detail, such as how much of a file was read.
        ``on_waiting`` is called once if no machine is known to work on the task ``patience`` seconds after the deal;
        its argument, as text, says until when the price is locked. Nothing is bought elsewhere automatically.
        Raises StillRunning after ``timeout`` seconds: the run continues, and ``result`` can be called again.
        Raises HostFailed when no machine finished the task (refunded), AppFailed with ``log``, ``task`` and ``exit``
        when the app failed (paid), DealRefused when the vaults refused the deal (paid if the refusal applied before the
        deal was made, else refunded).
        """
        async with with_money(self._conn, self.deal, self.task):
            try:
                async with asyncio.timeout(timeout):
                    await follow(
                        self._conn,
                        self._job,
                        on_progress,
                        patience=patience,
                        on_waiting=on_waiting,
                        on_detail=on_detail,
                    )
            except TimeoutError as error:
                raise StillRunning(
                    f"task {self.task} has not ended within {timeout:g} seconds; it continues, open its result later."
                ) from error
            if not self.tee:
                return self._public(await open_result.open_public_result(self._conn, self.task))
            opened, envelope = await self._opened()
            if envelope.refusal:
                raise DealRefused(
                    envelope.refusal, f"the vaults refused this deal: {refusal_message(envelope.refusal)}"
                )
            if envelope.receipt.body.exit_class == "unopened":
                raise self._failure(
                    "the model's file does not open with the key that its owner deposited, and the vaults refuse this "
                    "key from now on; use another model.",
                    opened,
                )
            if envelope.receipt.body.exit_class != "ok":
                last = opened.log_tail(1).strip()
                raise self._failure(f"the app failed: {last[:500] or 'its log is empty.'}", opened)
            return opened

    async def opened(self) -> RunResult:
        """Open the result of a paid run, also of an app that failed; the log is one of the files."""
        if not self.tee:
            return await open_result.open_public_result(self._conn, self.task)
        opened, _ = await self._opened()
        return opened

    async def deliver(self, contract: str) -> None:
        """Pass the data of the deferred callback to a contract, which checks them against the chain's commitment.

        The contract has ``deliver(bytes32 task, bytes32 result, bytes32 salt, bytes data)`` (contracts/examples).
        Raises InputRefused for a run without a deferred callback, ContractReverted with the contract's reason.
        """
        callback = (await self.opened()).deferred_callback
        if callback is None:
            raise InputRefused(
                f"task {self.task} has no deferred callback; request one when you buy the run.", money=""
            )
        try:
            target = parse_address(contract)
        except ValueError as error:
            raise InputRefused(f"{contract!r} is not a contract address.", money="") from error
        result = parse_envelope(await fetch_receipt.fetch_receipt(self._conn, self.task)).receipt.body.covering_digest
        arguments = (self.task, result, callback.salt, callback.data)
        action = "Delivering the callback data"
        await self._conn.wallet.call(target, "AnswerReceiver", "deliver", *arguments, action=action)

    async def log(self) -> str:
        """Return what the app wrote to standard output and error, of a paid run; empty if it wrote nothing.

        The log is sealed like the result: nobody else can read it. Give it to the app's developer yourself.
        """
        return (await self.opened()).log

    def _public(self, opened: RunResult) -> RunResult:
        """Return the result of a run without a TEE; raise AppFailed where the app failed on all machines."""
        if opened.exit != 0:
            raise AppFailed(f"the app failed with exit code {opened.exit}.", task=self.task, log="", exit=opened.exit)
        return opened

    def _failure(self, message: str, opened: RunResult) -> AppFailed:
        return AppFailed(message, task=self.task, log=opened.log, exit=opened.exit)

    async def _opened(self) -> tuple[RunResult, ReceiptEnvelope]:
        async with with_money(self._conn, self.deal, self.task):
            envelope = parse_envelope(await self.receipt.content())
            opened = await open_result.open_result(
                self._conn, envelope.settle, self._job.result_key, refused=bool(envelope.refusal)
            )
            return opened, envelope
