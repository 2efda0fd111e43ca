"""The table demo: a company sells the use of a table to a buyer, through an app of another developer."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, cast

from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.demos.common import thefts
from sealgrid.demos.common.outcome import TheftRefusal, all_hold
from sealgrid.demos.common.steps import DemoSteps, folder_of, name_of
from sealgrid.demos.common.thief import open_thief
from sealgrid.demos.table.expected_statistics import differences
from sealgrid.demos.table.report import TableReport, TableUse
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations import deploy, publish
from sealgrid.sdk.operations.usage import UsageReport
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.units import Address

RLC = 10**9
APP_PRICE, TABLE_PRICE = RLC // 4, 2 * RLC


@dataclass(frozen=True, slots=True)
class TableDemo:
    """The demo on one network."""

    steps: DemoSteps
    table: bytes = field(repr=False)

    async def run(self, name: str) -> TableReport:
        """Run the demo with a table under a public name and return its report."""
        steps, watch = self.steps, self.steps.watch
        async with AsyncExitStack() as stack:

            async def connect_as(account: str) -> Connection:
                return await stack.enter_async_context(connect(steps.network, development_key(account)))

            developer, company, buyer = (
                await connect_as("developer"),
                await connect_as("owner"),
                await connect_as("requester"),
            )
            with watch.stage("deploy the app"):
                app = await self._deploy(developer)
            with watch.stage("seal and publish the table"):
                dataset = await self._publish(company, app.address, name)
            bought = await steps.buy(buyer, app.address, dataset)
            checks = await steps.verify(buyer, bought.envelope)
            payments = await steps.payments(buyer, bought.job.task)
            with watch.stage("list the uses of the table"):
                usage = await usage_of(company, dataset)
                uses = await _uses(company, usage)
            exposure = steps.inspect_host(bought.job.task, {"the table": self.table})
            with watch.stage("an attempted theft"):
                refused = await self._theft(await connect_as("requester2"), company, dataset)
        result = cast("dict[str, Any]", bought.result.json())
        different = await asyncio.to_thread(differences, self.table, result)
        logged = usage.ok and [use.task for use in uses] == [bought.job.task]
        return TableReport(
            ok=not different and logged and all_hold(checks, refused) and exposure.clean,
            result=result,
            overview=bought.result.files["overview.txt"].decode(),
            differences=different,
            dataset=dataset,
            task=bought.job.task,
            deal=bought.job.deal,
            receipt_checks=checks,
            payments=payments,
            uses=uses,
            findings=tuple(finding.message for finding in usage.findings),
            seconds=watch.seconds,
            refused=refused,
            statistics=str(steps.write("statistics.json", bought.result.files["result.json"])),
            receipt=str(steps.write("receipt.json", bought.envelope)),
            exposure=exposure.lines,
        )

    async def _deploy(self, developer: Connection) -> deploy.DeployedApp:
        app = await deploy.deploy(developer, folder_of("csv_statistics"), price=APP_PRICE)
        self.steps.on_step(f"a developer deployed csv-statistics: app {app.address}, measured as {app.digest[:18]}…")
        return app

    async def _publish(self, company: Connection, app: Address, name: str) -> Address:
        source = self.steps.write("table.csv", self.table)
        made = await publish.publish(company, source, name=name, apps=[app], price=TABLE_PRICE)
        source.unlink()
        lines, size = self.table.count(b"\n"), len(self.table) / 1e3
        self.steps.on_step(f"the company approves exactly this code for its table {name!r}")
        self.steps.on_step(f"it encrypted the table ({lines} lines, {size:.0f} kB) and registered it: {made.address}")
        return made.address

    async def _theft(self, accomplice: Connection, company: Connection, dataset: Address) -> tuple[TheftRefusal, ...]:
        async with open_thief(self.steps.network) as thief:
            folder = folder_of("copy_out")
            return (await thefts.steal_with_copying_app(thief, accomplice, company, dataset, folder, what="the table"),)


async def _uses(company: Connection, usage: UsageReport) -> tuple[TableUse, ...]:
    names = {use.app: await Assets(company.hub).name("App", use.app) for use in usage.uses}
    return tuple(
        TableUse(name_of(use.requester), use.requester, use.time, names[use.app], use.app, use.task, len(use.vaults))
        for use in usage.uses
    )
