"""The table demo: a company sells the use of a table to a buyer, through an app of another developer."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from sealgrid.chain.assets import Assets
from sealgrid.demos.common import thefts
from sealgrid.demos.common.outcome import all_hold
from sealgrid.demos.common.steps import DemoSteps, folder_of, name_of
from sealgrid.demos.common.thief import open_thief
from sealgrid.demos.table.expected_statistics import differences
from sealgrid.demos.table.report import TableReport, TableUse
from sealgrid.sdk.operations.usage_evidence import usage_of

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
        async with steps.accounts("developer", "owner", "requester", "requester2") as accounts:
            developer, company, buyer, accomplice = accounts
            app = await steps.deploy(developer, "csv_statistics", APP_PRICE)
            with watch.stage("seal and publish the table"):
                published = await steps.publish(
                    company, "table.csv", self.table, name=name, app=app.address, price=TABLE_PRICE
                )
            dataset, rows, size = published.address, self.table.count(b"\n"), len(self.table) / 1e3
            steps.on_step(f"the company approves exactly this code for its table {name!r}")
            steps.on_step(f"it encrypted the table ({rows} lines, {size:.0f} kB) and registered it: {dataset}")
            bought = await steps.buy(buyer, app.address, dataset)
            checks = await steps.verify(buyer, bought.envelope)
            payments = await steps.payments(buyer, bought.job.task)
            with watch.stage("list the uses of the table"):
                usage = await usage_of(company, dataset)
                names = {use.app: await Assets(company.hub).name("App", use.app) for use in usage.uses}
            exposure = steps.inspect_host(bought.job.task, {"the table": self.table})
            with watch.stage("an attempted theft"):
                async with open_thief(steps.network) as thief:
                    refusal = await thefts.steal_with_copying_app(
                        thief, accomplice, company, dataset, folder_of("copy_out"), what="the table"
                    )
        uses = tuple(
            TableUse(
                user=name_of(use.requester),
                requester=use.requester,
                time=use.time,
                app=names[use.app],
                app_address=use.app,
                task=use.task,
                logs=len(use.vaults),
            )
            for use in usage.uses
        )
        result = cast("dict[str, Any]", bought.result.json())
        different = await asyncio.to_thread(differences, self.table, result)
        logged = usage.ok and [use.task for use in uses] == [bought.job.task]
        return TableReport(
            ok=not different and logged and all_hold(checks, (refusal,)) and exposure.clean,
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
            refused=(refusal,),
            statistics=str(steps.write("statistics.json", bought.result.files["result.json"])),
            receipt=str(steps.write("receipt.json", bought.envelope)),
            exposure=exposure.lines,
        )
