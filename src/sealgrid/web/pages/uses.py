"""Who used a model: every release in the vaults' logs, proved, held against each other and the chain."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from sealgrid.errors import SealgridError
from sealgrid.sdk.operations.usage import UsageReport
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.web import charts
from sealgrid.web.pages.models import model_row
from sealgrid.web.site import Ask, Site

MOST_SHOWN = 50
DAYS = 30


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of this part of a model's page."""

    @get("/models/{address:str}/uses")
    async def uses(address: str, request: Ask) -> Response[bytes]:
        row = model_row(site, address)
        try:
            found, problem = await usage_of(site.reader, row.address), ""
        except SealgridError as error:
            found, problem = UsageReport(row.address, (), ()), error.message
        now = int(site.clock())
        days = charts.per_day([use.time for use in found.uses], now, DAYS)
        return site.asked_part(
            request,
            "uses.html",
            {
                "model": row,
                "found": found,
                "uses": found.uses[::-1][:MOST_SHOWN],
                "problem": problem,
                "names": site.index.names({use.app for use in found.uses}),
                "logs": len(site.reader.logs),
                "chart": charts.per_month(
                    days, f"{sum(days)} releases in the last {DAYS} days, at most {max(days)} a day"
                ),
            },
        )

    return [uses]
