"""Who does what in the main job: a developer, a model's owner, and a requester who never meet."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from sealgrid.chain.accounts import development_key
from sealgrid.demos.common import thefts
from sealgrid.demos.common.outcome import TheftRefusal, holds
from sealgrid.demos.common.steps import DemoSteps, folder_of
from sealgrid.demos.common.thief import thief_of
from sealgrid.demos.plates.report import PlatesReport, text_of
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations import buy, deploy, publish
from sealgrid.sdk.run_request import RunRequest
from sealgrid.shipped_apps.plate_reader import plates
from sealgrid.units import Address

RLC = 10**9
APP_PRICE, MODEL_PRICE = RLC // 2, 3 * RLC
PICTURE = "picture.png"


@dataclass(frozen=True, slots=True)
class PlateImage:
    """A picture that somebody wants read."""

    picture: bytes = field(repr=False)
    expected: str | None  #: what is on it, when it was drawn


@dataclass(frozen=True, slots=True)
class PlatesStory:
    """The main job on one network, told step by step."""

    telling: DemoSteps
    model: bytes = field(repr=False)

    async def tell(self, shot: PlateImage) -> PlatesReport:
        """Run it all; return what happened."""
        telling, watch = self.telling, self.telling.watch
        async with AsyncExitStack() as stack:

            async def as_(name: str) -> Connection:
                return await stack.enter_async_context(connect(telling.network, development_key(name)))

            developer, owner, requester = await as_("developer"), await as_("owner"), await as_("requester")
            with watch.stage("deploy the app"):
                app = await self._deploy(developer)
            with watch.stage("seal and publish the model"):
                model = await self._publish(owner, app.address)
            telling.told("the requester seals a picture, for the enclave alone")
            bought = await telling.buy(requester, app.address, model.address, [(PICTURE, shot.picture)])
            checks = await telling.verified(requester, bought.envelope)
            reference = await self._reference(shot)
            payments = await telling.payments(requester, bought.job.task)
            seen = telling.seen(bought.job.task, {"the model": self.model, "the picture": shot.picture})
            with watch.stage("four thefts"):
                refused = await self._thefts(await as_("requester2"), owner, app.address, model.address, shot)
        plate = text_of(bought.result.json())
        return PlatesReport(
            ok=plate == reference and holds(checks, refused) and seen.clean,
            plate=plate,
            reference=reference,
            expected=shot.expected,
            task=bought.job.task,
            deal=bought.job.deal,
            receipt_checks=checks,
            payments=payments,
            seconds=watch.seconds,
            refused=refused,
            annotated=str(telling.write("annotated.png", bought.result.files["annotated.png"])),
            receipt=str(telling.write("receipt.json", bought.envelope)),
            seen=seen.lines,
        )

    async def _deploy(self, developer: Connection) -> deploy.DeployedApp:
        folder = folder_of("plate_reader")
        app = await deploy.deploy(developer, folder, price=APP_PRICE)
        self.telling.told(f"the developer deployed plate-reader: app {app.address}, measured as {app.digest[:18]}…")
        return app

    async def _publish(self, owner: Connection, app: Address) -> publish.PublishedModel:
        source = self.telling.write("model.zip", self.model)
        model = await publish.publish(owner, source, name="licence plates (demo)", apps=[app], price=MODEL_PRICE)
        source.unlink()
        size = model.sealed_bytes / 1e6
        self.telling.told(f"the owner sealed its model ({size:.1f} MB) and registered it: {model.address}")
        self.telling.told(
            "its key is split among three vaults, any two of which give it to this app's enclave and nobody else"
        )
        return model

    async def _reference(self, shot: PlateImage) -> str:
        with self.telling.watch.stage("read the picture outside, for comparison"):
            return text_of(await asyncio.to_thread(plates.read_plates, self.model, shot.picture))

    async def _thefts(
        self, accomplice: Connection, owner: Connection, app: Address, model: Address, shot: PlateImage
    ) -> tuple[TheftRefusal, ...]:
        async with thief_of(self.telling.network) as thief:
            job = await buy.run(
                accomplice, RunRequest(app, model=model, files=[(PICTURE, shot.picture)], pool_order=thief.order)
            )
            refused = (
                await thefts.with_own_quote(thief, job),
                await thefts.without_enclave(thief, job),
                await thefts.with_copying_app(thief, accomplice, owner, model, folder_of("copy_out")),
                await thefts.without_paying(thief, accomplice, app, model, shot.picture),
            )
            await accomplice.hub.claim(accomplice.wallet, job.task)
        return refused
