"""Steps that every demo has, each timed: buy a run, verify its receipt, list payments, search the host for secrets."""

import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.demos.common.exposure import HostExposure, inspect_host
from sealgrid.demos.common.outcome import CheckLine, PartyPayment
from sealgrid.errors import SetupMissing
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result, publish
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address, TaskId
from sealgrid.wire.pool import StageAt


@dataclass
class Stopwatch:
    """Total seconds of each named stage, in the order of their first appearance."""

    clock: Callable[[], float] = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        begun = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + self.clock() - begun, 3)


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """A paid run and its opened result."""

    job: buy.PurchasedTask
    envelope: bytes = field(repr=False)  #: the receipt file
    result: open_result.RunResult


@dataclass(frozen=True, slots=True)
class DemoSteps:
    """Steps of one demo on one network."""

    network: Network
    folder: Path  #: for the files of the report
    on_step: Callable[[str], None]
    watch: Stopwatch = field(default_factory=Stopwatch)

    @asynccontextmanager
    async def accounts(self, *names: str) -> AsyncIterator[tuple[Connection, ...]]:
        """Connect development accounts by name."""
        async with AsyncExitStack() as stack:
            opened = [connect(self.network, development_key(name)) for name in names]
            yield tuple([await stack.enter_async_context(each) for each in opened])

    async def deploy(self, developer: Connection, app: str, price: int) -> deploy.DeployedApp:
        """Deploy a shipped app for ``price`` nRLC a run."""
        with self.watch.stage("deploy the app"):
            made = await deploy.deploy(developer, folder_of(app), price=price)
        self.on_step(f"the developer deployed {made.name}: app {made.address}, measured as {made.digest[:18]}…")
        return made

    async def publish(
        self, owner: Connection, file: str, content: bytes, *, name: str, app: Address, price: int
    ) -> publish.PublishedModel:
        """Seal a file for one app, deposit its key, and sell its use for ``price`` nRLC; no plain copy stays."""
        source = self.write(file, content)
        try:
            return await publish.publish(owner, source, name=name, apps=[app], price=price)
        finally:
            source.unlink()

    async def buy(
        self, requester: Connection, app: Address, dataset: Address, files: Sequence[tuple[str, bytes]] = ()
    ) -> CompletedRun:
        """Buy a run, follow it to the payment, open its result."""
        with self.watch.stage("seal the input and buy a run"):
            job = await buy.run(requester, RunRequest(app, model=dataset, files=files))
        self.on_step(f"the requester bought one run: deal {job.deal[:18]}…")
        stages: list[StageAt] = []

        def on_stage(stage: StageAt) -> None:
            stages.append(stage)
            self.on_step(f"  {stage.stage}")

        with self.watch.stage("from the deal to the payment"):
            await follow(requester, job, on_stage, on_waiting=lambda notice: self.on_step(str(notice)))
        for before, after in itertools.pairwise(stages):
            self.watch.seconds[f"  {before.stage} → {after.stage}"] = round(after.at - before.at, 3)
        with self.watch.stage("open the result"):
            envelope = await fetch_receipt.fetch_receipt(requester, job.task)
            result = await open_result.open_result(requester, parse_envelope(envelope).settle, job.result_key)
        return CompletedRun(job, envelope, result)

    async def verify(self, requester: Connection, envelope: bytes) -> tuple[CheckLine, ...]:
        """Verify a receipt, also against the chain."""
        with self.watch.stage("verify the receipt"):
            report = await fetch_receipt.verify_online(requester, envelope)
        return tuple(CheckLine(str(check.number), check.sentence, check.ok) for check in report.checks)

    async def payments(self, requester: Connection, task: TaskId) -> tuple[PartyPayment, ...]:
        """Return the payments of a task."""
        paid = await requester.hub.payments(task)
        return tuple(PartyPayment(name_of(each.account), each.account, each.amount) for each in paid)

    def inspect_host(self, task: TaskId, secrets: dict[str, bytes]) -> HostExposure:
        """List what the worker's machine received, and search its files for secrets."""
        with self.watch.stage("search the machine for the secrets"):
            return inspect_host(Path(self.network.folder), task, secrets)

    def write(self, name: str, content: bytes) -> Path:
        """Write a file of the report."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_bytes(content)
        return path


def name_of(account: Address) -> str:
    """Return the name of a development account, ``?`` for another one."""
    return {development_key(name).address: name for name in NAMES}.get(account, "?")


def folder_of(app: str) -> Path:
    """Return the folder of a shipped app."""
    folder = shipped_apps.app_folder(app)
    if folder is None:
        raise SetupMissing(f"the app {app!r} is missing; install sealgrid again.")
    return folder
