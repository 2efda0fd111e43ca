"""Every page of the web app over HTTP, over a large market and a long history.

A page counts only with its answer 200 and what it must show. One reader after the other requests each, over one
connection; htmx, styles and pictures are not fetched.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec

from bench import calibration
from bench.bazaar import Bazaar, build, fill_index, fill_market
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from bench.service import market, service
from sealgrid.sdk.network import Network

SERVER_TIME = Target("≤", 100.0)  #: ms
UNMEASURED = 2  #: of each page, first: templates are compiled, bundles fetched


@dataclass(frozen=True)
class Page:
    """A page by what it is, where it is (one of several places), and a text that it must show."""

    what: str
    paths: Sequence[str]
    shows: str
    headers: Mapping[str, str] = field(default_factory=dict)


async def measure(context: Context) -> Figure:
    network = await context.networks.fresh()
    count, chance = context.either(20_000, 100_000), random.Random(1)
    folder = context.folder / "pages"
    folder.mkdir()
    bazaar = await build(network, folder)
    fill_market(folder, network, bazaar, count, chance)
    newest = await fill_index(folder, network, bazaar, count, chance)
    async with market(network, folder) as (market_url, _):
        file = _network_file(folder, network, market_url)
        async with service("bench.web_process", str(file), str(folder)) as (url, _):
            beside = calibration.cpu()
            async with aiohttp.ClientSession(url) as session:
                rows = [
                    Row(
                        label=page.what,
                        unit="ms",
                        samples=await _get(session, page, context.either(20, 60)),
                        shown="p95",
                        temperature="warm",
                        target=SERVER_TIME,
                        calibration=beside,
                    )
                    for page in pages_of(bazaar, newest)
                ]
    return Figure(
        "pages", tuple(rows), f"{count:,} open orders and {count:,} tasks; chain, market and reader beside it"
    )


def pages_of(bazaar: Bazaar, newest: Sequence[str]) -> tuple[Page, ...]:
    """Return every page that lists or sums up; the parts that ask vaults for proofs are not among them."""
    deep = [f"/tasks?page={number}" for number in (100, 400, 800)]
    return (
        Page("apps", ["/"], "hash-file"),
        Page("apps, searched", ["/?q=app+1", "/?q=hash", "/?q=app"], 'class="card"'),
        Page("an app", [f"/apps/{app}" for app in bazaar.apps], "Technical details"),
        Page("models and data", ["/models"], "a table"),
        Page("models and data, searched", ["/models?q=dataset", "/models?q=table"], 'class="card"'),
        Page("a dataset", [f"/models/{dataset}" for dataset in bazaar.datasets], "Protection"),
        Page("sell a model", ["/models/new"], "The file"),
        Page("compute", ["/compute"], "Price per task"),
        Page("a pool", [f"/pools/{pool}" for pool in bazaar.pools[:5]], 'id="machines"'),
        Page("tasks", ["/tasks"], "answered"),
        Page("tasks in one state", ["/tasks?state=refunded", "/tasks?state=running"], "/tasks/0x"),
        Page("old tasks", deep, "/tasks/0x"),
        Page("a task", [f"/tasks/{task}" for task in newest], "task finalised"),
        Page("the account of a busy requester", ["/account"], "My runs"),
        Page("the account of a busy owner", ["/account"], "My models and data", {"cookie": "sealgrid_account=owner"}),
    )


async def _get(session: aiohttp.ClientSession, page: Page, times: int) -> tuple[float, ...]:
    milliseconds = []
    for number in range(UNMEASURED + times):
        path = page.paths[number % len(page.paths)]
        begun = time.perf_counter()
        async with session.get(path, headers=page.headers) as response:
            html = await response.text()
        milliseconds.append(1000 * (time.perf_counter() - begun))
        if response.status != 200 or page.shows not in html:
            raise NotMeasured(f"{path} did not show what it should (status {response.status}).")
    return tuple(milliseconds[UNMEASURED:])


def _network_file(folder: Path, network: Network, market_url: str) -> Path:
    file = folder / "network.json"
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(network, market_url=market_url)))
    return file
