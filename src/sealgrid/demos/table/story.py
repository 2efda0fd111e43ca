"""Who does what: a company that has a table, a stranger who wrote an app, a buyer; they never meet."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, cast

from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.demos.common import thefts
from sealgrid.demos.common.outcome import TheftRefusal, holds
from sealgrid.demos.common.steps import DemoSteps, folder_of, name_of
from sealgrid.demos.common.thief import thief_of
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
class TableStory:
    """The sale of a table's use on one network, told step by step."""

    telling: DemoSteps
    table: bytes = field(repr=False)

    async def tell(self, name: str) -> TableReport:
        """Run it all with the table under its public name; return what happened."""
        telling, watch = self.telling, self.telling.watch
        async with AsyncExitStack() as stack:

            async def as_(who: str) -> Connection:
                return await stack.enter_async_context(connect(telling.network, development_key(who)))

            stranger, company, buyer = await as_("developer"), await as_("owner"), await as_("requester")
            with watch.stage("deploy the app"):
                app = await self._deploy(stranger)
            with watch.stage("seal and publish the table"):
                dataset = await self._publish(company, app.address, name)
            bought = await telling.buy(buyer, app.address, dataset)
            checks = await telling.verified(buyer, bought.envelope)
            payments = await telling.payments(buyer, bought.job.task)
            with watch.stage("see who used the table"):
                usage = await usage_of(company, dataset)
                uses = await _uses(company, usage)
            seen = telling.seen(bought.job.task, {"the table": self.table})
            with watch.stage("a theft"):
                refused = await self._theft(await as_("requester2"), company, dataset)
        result = cast("dict[str, Any]", bought.result.json())
        differ = await asyncio.to_thread(differences, self.table, result)
        logged = usage.ok and [use.task for use in uses] == [bought.job.task]
        return TableReport(
            ok=not differ and logged and holds(checks, refused) and seen.clean,
            result=result,
            overview=bought.result.files["overview.txt"].decode(),
            differences=differ,
            dataset=dataset,
            task=bought.job.task,
            deal=bought.job.deal,
            receipt_checks=checks,
            payments=payments,
            uses=uses,
            findings=tuple(finding.message for finding in usage.findings),
            seconds=watch.seconds,
            refused=refused,
            statistics=str(telling.write("statistics.json", bought.result.files["result.json"])),
            receipt=str(telling.write("receipt.json", bought.envelope)),
            seen=seen.lines,
        )

    async def _deploy(self, stranger: Connection) -> deploy.DeployedApp:
        app = await deploy.deploy(stranger, folder_of("csv_statistics"), price=APP_PRICE)
        self.telling.told(f"a stranger deployed csv-statistics: app {app.address}, measured as {app.digest[:18]}…")
        return app

    async def _publish(self, company: Connection, app: Address, name: str) -> Address:
        source = self.telling.write("table.csv", self.table)
        made = await publish.publish(company, source, name=name, apps=[app], price=TABLE_PRICE)
        source.unlink()
        lines, size = self.table.count(b"\n"), len(self.table) / 1e3
        self.telling.told(f"the company approved exactly this code, and no other, for its table {name!r}")
        self.telling.told(f"it sealed the table ({lines} lines, {size:.0f} kB) and registered it: {made.address}")
        return made.address

    async def _theft(self, accomplice: Connection, company: Connection, dataset: Address) -> tuple[TheftRefusal, ...]:
        async with thief_of(self.telling.network) as thief:
            folder = folder_of("copy_out")
            return (await thefts.with_copying_app(thief, accomplice, company, dataset, folder, what="the table"),)


async def _uses(company: Connection, usage: UsageReport) -> tuple[TableUse, ...]:
    names = {use.app: await Assets(company.hub).name("App", use.app) for use in usage.uses}
    return tuple(
        TableUse(name_of(use.requester), use.requester, use.time, names[use.app], use.app, use.task, len(use.vaults))
        for use in usage.uses
    )
