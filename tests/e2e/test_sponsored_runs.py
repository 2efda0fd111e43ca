"""Somebody else pays: the run and its result are the requester's, cost and refund are the sponsor's."""

import asyncio
from dataclasses import replace

import httpx
import msgspec
import pytest
import pytest_asyncio

from sealgrid.chain.accounts import development_key
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import AccountView
from sealgrid.errors import ContractReverted
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.operations.deploy import DeployedApp
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from tests.e2e.shell import Shell

pytestmark = pytest.mark.localnet
PENNILESS = "vault1"  #: a development account without anything in escrow
GREETS = """
import json, os, pathlib
out = pathlib.Path(os.environ["IEXEC_OUT"])
(out / "said.txt").write_text("hello")
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "said.txt")}))
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def greeter(people, tmp_path_factory) -> DeployedApp:
    folder = tmp_path_factory.mktemp("greeter")
    (folder / "main.py").write_text(GREETS)
    (folder / "app.toml").write_text('name = "greeter"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    return await deploy.deploy(people.developer, folder, price=7)


async def test_an_account_without_money_runs_an_app_that_its_sponsor_pays_for(localnet, people, greeter, tmp_path):
    hub, sponsor, me = people.stranger.hub, development_key("publisher").address, development_key(PENNILESS).address
    assert await hub.account(me) == AccountView(stake=0, locked=0)
    sealgrid = Shell(tmp_path, localnet.layout.root)
    await asyncio.to_thread(sealgrid.output, "account", "deposit", "5", "--account", "publisher")
    before = await hub.account(sponsor)
    run = ("run", greeter.address, "--account", PENNILESS, "--sponsor", "publisher", "--out", "answer")
    await asyncio.to_thread(sealgrid.output, *run)
    assert (tmp_path / "answer" / "result" / "said.txt").read_text() == "hello"
    task = msgspec.json.decode((tmp_path / "answer" / "receipt.json").read_bytes())["receipt"]["body"]["task"]
    show = ("task", "show", task, "--account", PENNILESS)
    assert f" by its sponsor {sponsor}\n" in await asyncio.to_thread(sealgrid.output, *show)
    told = msgspec.json.decode(await asyncio.to_thread(sealgrid.output, *show, "--json"))
    after = await hub.account(sponsor)
    assert (told["payer"], before.stake - after.stake, after.locked) == (sponsor, told["price"], before.locked)
    assert await hub.account(me) == AccountView(stake=0, locked=0)
    page = await page_of(f"{localnet.network.web_url}/tasks/{task}")
    assert "pays, and receives any refund" in page


async def page_of(url: str) -> str:
    """Return a page once it is there: the pages read the chain a moment after it moved."""
    async with httpx.AsyncClient() as browser, asyncio.timeout(30):
        while (answer := await browser.get(url)).status_code != httpx.codes.OK:
            await asyncio.sleep(0.1)
    return answer.text


class Hasty(Hub):
    """A hub where somebody else sends the same orders just before."""

    async def match_orders(self, wallet, *orders):
        await self.sponsor_match_orders(self.rival, *orders)
        return await super().match_orders(wallet, *orders)


async def test_a_deal_that_somebody_made_of_the_same_orders_first_is_bought_all_the_same(people, greeter):
    hasty = Hasty(people.requester.node, people.requester.hub.address)
    hasty.rival = people.requester2.wallet
    stored = []
    job = await buy.run(replace(people.requester, hub=hasty), RunRequest(greeter.address), store=stored.append)
    assert [each.deal for each in stored] == [job.deal]
    assert await buy.payer(people.requester, job.deal) == people.requester2.address
    await follow(people.requester, job)


async def test_a_sponsor_without_money_is_told_so_and_nothing_is_bought(localnet, people, greeter, tmp_path):
    import sealgrid

    async with sealgrid.connect_async("requester", network=localnet.layout.network, data=tmp_path) as me:
        with pytest.raises(ContractReverted, match="escrow is too small"):
            await me.run(greeter.address, sponsor=PENNILESS)
    assert not list((tmp_path / "jobs").glob("*"))
