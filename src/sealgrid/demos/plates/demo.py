"""The plates demo: a developer deploys an app, an owner sells a model, a requester uses it, an attacker fails."""

import asyncio
from dataclasses import dataclass, field

from sealgrid.demos.common import thefts
from sealgrid.demos.common.outcome import TheftRefusal, all_hold
from sealgrid.demos.common.steps import DemoSteps, folder_of
from sealgrid.demos.common.thief import open_thief
from sealgrid.demos.plates.report import PlatesReport, text_of
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations import buy
from sealgrid.sdk.run_request import RunRequest
from sealgrid.shipped_apps.plate_reader.reader.pipeline import read_plates
from sealgrid.units import Address

RLC = 10**9
APP_PRICE, MODEL_PRICE = RLC // 2, 3 * RLC
PICTURE = "picture.png"


@dataclass(frozen=True, slots=True)
class PlateImage:
    """The requester's picture."""

    picture: bytes = field(repr=False)
    expected: str | None  #: plate number of a drawn picture


@dataclass(frozen=True, slots=True)
class PlatesDemo:
    """The demo on one network."""

    steps: DemoSteps
    model: bytes = field(repr=False)

    async def run(self, image: PlateImage) -> PlatesReport:
        """Run the demo and return its report."""
        steps, watch = self.steps, self.steps.watch
        async with steps.accounts("developer", "owner", "requester", "requester2") as accounts:
            developer, owner, requester, accomplice = accounts
            app = await steps.deploy(developer, "plate_reader", APP_PRICE)
            with watch.stage("seal and publish the model"):
                model = await steps.publish(
                    owner,
                    "model.zip",
                    self.model,
                    name="licence plates (demo)",
                    app=app.address,
                    price=MODEL_PRICE,
                )
            size = model.sealed_bytes / 1e6
            steps.on_step(f"the owner encrypted its model ({size:.1f} MB) and registered it: {model.address}")
            steps.on_step("its key is split among three vaults; any two of them release it, to this app's enclave only")
            steps.on_step("the requester encrypts a picture for the enclave")
            bought = await steps.buy(requester, app.address, model.address, [(PICTURE, image.picture)])
            checks = await steps.verify(requester, bought.envelope)
            with watch.stage("read the picture outside, for comparison"):
                reference = text_of(await asyncio.to_thread(read_plates, self.model, image.picture))
            payments = await steps.payments(requester, bought.job.task)
            exposure = steps.inspect_host(bought.job.task, {"the model": self.model, "the picture": image.picture})
            with watch.stage("four attempted thefts"):
                refused = await self._thefts(accomplice, owner, app.address, model.address, image)
        plate = text_of(bought.result.json())
        return PlatesReport(
            ok=plate == reference and all_hold(checks, refused) and exposure.clean,
            plate=plate,
            reference=reference,
            expected=image.expected,
            task=bought.job.task,
            deal=bought.job.deal,
            receipt_checks=checks,
            payments=payments,
            seconds=watch.seconds,
            refused=refused,
            annotated=str(steps.write("annotated.png", bought.result.files["annotated.png"])),
            receipt=str(steps.write("receipt.json", bought.envelope)),
            exposure=exposure.lines,
        )

    async def _thefts(
        self, accomplice: Connection, owner: Connection, app: Address, model: Address, image: PlateImage
    ) -> tuple[TheftRefusal, ...]:
        async with open_thief(self.steps.network) as thief:
            job = await buy.run(
                accomplice, RunRequest(app, model=model, files=[(PICTURE, image.picture)], pool_order=thief.order)
            )
            refused = (
                await thefts.steal_with_own_quote(thief, job),
                await thefts.finalize_without_enclave(thief, job),
                await thefts.steal_with_copying_app(thief, accomplice, owner, model, folder_of("copy_out")),
                await thefts.steal_without_paying(thief, accomplice, app, model, image.picture),
            )
            await accomplice.hub.claim(accomplice.wallet, job.task)
        return refused
