"""Who does what in the main job: a developer, a model's owner, and a requester who never meet."""

import asyncio
import itertools
import os
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from apps.plate_reader import plates
from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.cli.plates import thefts
from sealgrid.cli.plates.report import CheckLine, Paid, Refusal, Report, holds, text_of
from sealgrid.cli.plates.search import Searched, search
from sealgrid.cli.plates.stopwatch import Stopwatch
from sealgrid.cli.plates.thief import thief_of
from sealgrid.localnet.layout import cache_folder
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk import apps, jobs, models, receipts, results
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network
from sealgrid.units import Address, TaskId
from sealgrid.wire.pool import StageAt
from sealgrid.worker.job import notes_of
from sealgrid.worker.seen import Sight

RLC = 10**9
APP_PRICE, MODEL_PRICE = RLC // 2, 3 * RLC
PICTURE = "picture.png"

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture that somebody wants read."""

    picture: bytes = field(repr=False)
    expected: str | None  #: what is on it, when it was drawn


@dataclass(slots=True)
class Story:
    """The main job on one network, told step by step."""

    network: Network
    model: bytes = field(repr=False)
    folder: Path  #: where the result is written
    told: Told
    watch: Stopwatch = field(default_factory=Stopwatch)

    async def tell(self, shot: Shot) -> Report:
        """Run it all; return what happened."""
        async with AsyncExitStack() as stack:

            async def as_(name: str) -> Connection:
                return await stack.enter_async_context(connect(self.network, development_key(name)))

            developer, owner, requester = await as_("developer"), await as_("owner"), await as_("requester")
            with self.watch.stage("deploy the app"):
                app = await self._deploy(developer)
            with self.watch.stage("seal and publish the model"):
                model = await self._publish(owner, app.address)
            job, envelope, read = await self._buy(requester, app.address, model.address, shot)
            lines = await self._verified(requester, envelope)
            reference = await self._reference(shot)
            payments = await self._payments(requester, job.task)
            seen = self._seen(job.task, shot)
            with self.watch.stage("four thefts"):
                refused = await self._thefts(await as_("requester2"), owner, app.address, model.address, shot)
        plate = text_of(read.json())
        return Report(
            ok=holds(plate=plate, reference=reference, checks=lines, refused=refused) and seen.clean,
            plate=plate,
            reference=reference,
            expected=shot.expected,
            task=job.task,
            deal=job.deal,
            receipt_checks=lines,
            payments=payments,
            seconds=self.watch.seconds,
            refused=refused,
            annotated=str(self._write("annotated.png", read.files["annotated.png"])),
            receipt=str(self._write("receipt.json", envelope)),
            seen=seen.lines,
        )

    async def _deploy(self, developer: Connection) -> apps.App:
        app = await apps.deploy(
            developer, app_folder("plate_reader"), wheels=cache_folder() / "wheels", price=APP_PRICE
        )
        self.told(f"the developer deployed plate-reader: app {app.address}, measured as {app.digest[:18]}…")
        return app

    async def _publish(self, owner: Connection, app: Address) -> models.Model:
        source = self._write("model.zip", self.model)
        model = await models.publish(owner, source, name="licence plates", apps=[app], price=MODEL_PRICE)
        source.unlink()
        self.told(f"the owner sealed its model ({model.sealed_bytes / 1e6:.1f} MB) and registered it: {model.address}")
        self.told("its key is split among three vaults, any two of which give it to this app's enclave and nobody else")
        return model

    async def _buy(
        self, requester: Connection, app: Address, model: Address, shot: Shot
    ) -> tuple[jobs.Job, bytes, results.Result]:
        with self.watch.stage("seal the picture and buy a run"):
            job = await jobs.run(requester, app, model=model, files=[(PICTURE, shot.picture)])
        self.told(f"the requester sealed a picture and bought one run: deal {job.deal[:18]}…")
        stages: list[StageAt] = []

        def on(stage: StageAt) -> None:
            stages.append(stage)
            self.told(f"  {stage.stage}")

        with self.watch.stage("from the deal to the payment"):
            await jobs.follow(requester, job, on)
        for before, after in itertools.pairwise(stages):
            self.watch.seconds[f"  {before.stage} → {after.stage}"] = round(after.at - before.at, 3)
        with self.watch.stage("open the result"):
            envelope = await receipts.fetch_receipt(requester, job.task)
            read = await results.open_result(requester, parse_envelope(envelope).settle, job.result_key)
        return job, envelope, read

    async def _verified(self, requester: Connection, envelope: bytes) -> tuple[CheckLine, ...]:
        with self.watch.stage("verify the receipt"):
            report = await receipts.verify_on_line(requester, envelope)
        return tuple(CheckLine(str(check.number), check.sentence, check.ok) for check in report.checks)

    async def _reference(self, shot: Shot) -> str:
        with self.watch.stage("read the picture outside, for comparison"):
            return text_of(await asyncio.to_thread(plates.read_plates, self.model, shot.picture))

    async def _payments(self, requester: Connection, task: TaskId) -> tuple[Paid, ...]:
        names = {development_key(name).address: name for name in NAMES}
        paid = await requester.hub.payments(task)
        return tuple(Paid(names.get(each.account, "?"), each.account, each.amount) for each in paid)

    async def _thefts(
        self, accomplice: Connection, owner: Connection, app: Address, model: Address, shot: Shot
    ) -> tuple[Refusal, ...]:
        async with thief_of(self.network) as thief:
            job = await jobs.run(accomplice, app, model=model, files=[(PICTURE, shot.picture)], workerpool=thief.order)
            refused = (
                await thefts.with_own_quote(thief, job),
                await thefts.without_enclave(thief, job),
                await thefts.with_copying_app(thief, accomplice, owner, model, app_folder("copy_out")),
                await thefts.without_paying(thief, accomplice, app, model, shot.picture),
            )
            await accomplice.hub.claim(accomplice.wallet, job.task)
        return refused

    def _seen(self, task: TaskId, shot: Shot) -> "Seen":
        with self.watch.stage("search the machine for the model and the picture"):
            return look(Path(self.network.folder), task, {"the model": self.model, "the picture": shot.picture})

    def _write(self, name: str, content: bytes) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_bytes(content)
        return path


@dataclass(frozen=True, slots=True)
class Seen:
    """What the machine that ran a job saw, in words."""

    lines: tuple[str, ...]
    clean: bool  #: nothing secret was found, and a planted window was


def look(network: Path, task: TaskId, secrets: dict[str, bytes]) -> Seen:
    """List what the worker noted, and search everything that the machine kept for windows of the secrets.

    A known window is planted first: a search that does not find it proves nothing and counts as failed.
    """
    folders = [network / name for name in ("worker", "storage", "platform", "pool", "logs", "market")]
    sights = msgspec.json.decode(notes_of(network / "worker" / "jobs", task).read_bytes(), type=list[Sight])
    planted = {"the planted window": os.urandom(4096)}
    control = network / "worker" / "planted"
    control.write_bytes(b"x" * 1000 + planted["the planted window"])
    try:
        searched = search(folders, secrets | planted)
    finally:
        control.unlink()
    found = [name for name in searched.found if not name.startswith("the planted window")]
    planted_found = len(found) < len(searched.found)
    return Seen(tuple(_words(sights, searched, found, planted_found)), clean=not found and planted_found)


def _words(sights: list[Sight], searched: Searched, found: list[str], planted_found: bool) -> list[str]:
    files = [sight for sight in sights if sight.what.startswith("file")]
    asked = [sight for sight in sights if not sight.what.startswith("file")]
    lines = [f"{_short(sight.what)}: begins {sight.head}" for sight in files]
    lines.append(
        f"{len(asked)} messages between enclave and vaults, {sum(s.size for s in asked)} bytes, sealed to keys inside"
    )
    lines.append(
        f"searched {searched.files} files, {searched.bytes / 1e6:.0f} MB, on its disk and the storage node: "
        + (f"FOUND {', '.join(found)}" if found else "no byte window of model or picture")
        + (" (a planted one was found)" if planted_found else " (BUT the planted one was not found either)")
    )
    return lines


def _short(what: str) -> str:
    return re.sub(r"([0-9a-f]{12})[0-9a-f]{52}", r"\1…", re.sub(r"-cp\d+\S*\.whl", "….whl", what))


def app_folder(name: str) -> Path:
    """Return the folder of a shipped app."""
    return Path(str(plates.__file__)).parent.parent / name
