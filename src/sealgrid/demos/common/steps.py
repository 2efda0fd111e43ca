"""The steps that every story has: buy a run and follow it, verify its receipt, see who was paid."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.demos.common.exposure import HostView, look
from sealgrid.demos.common.outcome import CheckLine, PartyPayment
from sealgrid.demos.common.stopwatch import Stopwatch
from sealgrid.errors import SetupMissing
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import buy, fetch_receipt, open_result
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address, TaskId
from sealgrid.wire.pool import StageAt

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """A run that was paid, and opened by whom it was for."""

    job: buy.PurchasedTask
    envelope: bytes = field(repr=False)  #: the receipt's file
    result: open_result.RunResult


@dataclass(frozen=True, slots=True)
class DemoSteps:
    """One story on one network, told step by step, each with its seconds."""

    network: Network
    folder: Path  #: where the result is written
    told: Told
    watch: Stopwatch = field(default_factory=Stopwatch)

    async def buy(
        self, requester: Connection, app: Address, dataset: Address, files: Sequence[tuple[str, bytes]] = ()
    ) -> CompletedRun:
        """Buy one run, follow it to the payment, open its result."""
        with self.watch.stage("seal the input and buy a run"):
            job = await buy.run(requester, RunRequest(app, model=dataset, files=files))
        self.told(f"the requester bought one run: deal {job.deal[:18]}…")
        stages: list[StageAt] = []

        def on(stage: StageAt) -> None:
            stages.append(stage)
            self.told(f"  {stage.stage}")

        with self.watch.stage("from the deal to the payment"):
            await follow(requester, job, on, on_waiting=lambda waiting: self.told(str(waiting)))
        for before, after in itertools.pairwise(stages):
            self.watch.seconds[f"  {before.stage} → {after.stage}"] = round(after.at - before.at, 3)
        with self.watch.stage("open the result"):
            envelope = await fetch_receipt.fetch_receipt(requester, job.task)
            read = await open_result.open_result(requester, parse_envelope(envelope).settle, job.result_key)
        return CompletedRun(job, envelope, read)

    async def verified(self, requester: Connection, envelope: bytes) -> tuple[CheckLine, ...]:
        """Verify a receipt by itself and against the chain."""
        with self.watch.stage("verify the receipt"):
            report = await fetch_receipt.verify_online(requester, envelope)
        return tuple(CheckLine(str(check.number), check.sentence, check.ok) for check in report.checks)

    async def payments(self, requester: Connection, task: TaskId) -> tuple[PartyPayment, ...]:
        """Return who was paid for a task."""
        paid = await requester.hub.payments(task)
        return tuple(PartyPayment(name_of(each.account), each.account, each.amount) for each in paid)

    def seen(self, task: TaskId, secrets: dict[str, bytes]) -> HostView:
        """Look at what the machine saw, and search it for secrets."""
        with self.watch.stage("search the machine for the secrets"):
            return look(Path(self.network.folder), task, secrets)

    def write(self, name: str, content: bytes) -> Path:
        """Write a file of the outcome."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_bytes(content)
        return path


def name_of(account: Address) -> str:
    """Return the name of a development account, or a question mark."""
    return {development_key(name).address: name for name in NAMES}.get(account, "?")


def folder_of(app: str) -> Path:
    """Return the folder of a shipped app."""
    folder = shipped_apps.app_folder(app)
    if folder is None:
        raise SetupMissing(f"the app {app!r} is missing; it comes with the checkout.")
    return folder
