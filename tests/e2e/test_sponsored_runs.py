"""Sponsored runs: the requester has the run and its result, the sponsor pays and is refunded."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
import pytest_asyncio

from sealgrid.chain.accounts import development_key
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import AccountView
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.operations.deploy import DeployedApp
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from tests.e2e.shell import Shell

pytestmark = pytest.mark.localnet
WITHOUT_ESCROW = "vault1"  #: a development account without anything in escrow
GREETING_APP = """
import json, os, pathlib
out = pathlib.Path(os.environ["IEXEC_OUT"])
(out / "result.txt").write_text("hello")
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.txt")}))
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def greeter(people, tmp_path_factory) -> DeployedApp:
    folder = tmp_path_factory.mktemp("greeter")
    (folder / "main.py").write_text(GREETING_APP)
    (folder / "app.toml").write_text('name = "greeter"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    return await deploy.deploy(people.developer, folder, price=7)


async def test_an_account_without_money_runs_an_app_that_its_sponsor_pays_for(localnet, people, greeter, tmp_path):
    hub, sponsor, me = (
        people.stranger.hub,
        development_key("publisher").address,
        development_key(WITHOUT_ESCROW).address,
    )
    assert await hub.account(me) == AccountView(stake=0, locked=0)
    sealgrid = Shell(tmp_path, localnet.layout.root)
    await asyncio.to_thread(sealgrid.output, "account", "deposit", "5", "--account", "publisher")
    before = await hub.account(sponsor)
    run = ("run", greeter.address, "--account", WITHOUT_ESCROW, "--sponsor", "publisher", "--out", "answer")
    await asyncio.to_thread(sealgrid.output, *run)
    assert (tmp_path / "answer" / "result" / "result.txt").read_text() == "hello"
    task = msgspec.json.decode((tmp_path / "answer" / "receipt.json").read_bytes())["receipt"]["body"]["task"]
    show = ("task", "show", task, "--account", WITHOUT_ESCROW)
    assert f" by its sponsor {sponsor}\n" in await asyncio.to_thread(sealgrid.output, *show)
    shown = msgspec.json.decode(await asyncio.to_thread(sealgrid.output, *show, "--json"))
    after = await hub.account(sponsor)
    assert (shown["payer"], before.stake - after.stake, after.locked) == (sponsor, shown["price"], before.locked)
    assert await hub.account(me) == AccountView(stake=0, locked=0)
    page = await localnet.page(f"/tasks/{task}")
    assert "pays, and receives any refund" in page


class RivalHub(Hub):
    """A hub on which another account matches the same orders first."""

    async def match_orders(self, wallet, *orders):
        await self.sponsor_match_orders(self.rival, *orders)
        return await super().match_orders(wallet, *orders)


async def test_a_deal_that_another_account_made_of_the_same_orders_belongs_to_its_requester(people, greeter):
    hub = RivalHub(people.requester.node, people.requester.hub.address)
    hub.rival = people.requester2.wallet
    stored = []
    job = await buy.run(replace(people.requester, hub=hub), RunRequest(greeter.address), store=stored.append)
    assert [each.deal for each in stored] == [job.deal]
    assert await buy.payer(people.requester, job.deal) == people.requester2.address
    await follow(people.requester, job)


async def test_a_sponsor_without_escrow_gets_an_error_and_nothing_is_bought(localnet, people, greeter, tmp_path):
    import sealgrid

    async with sealgrid.connect_async("requester", network=localnet.layout.network, data=tmp_path) as me:
        with pytest.raises(InputRefused, match="free in the escrow of the sponsor"):
            await me.run(greeter.address, sponsor=WITHOUT_ESCROW)
    assert not list((tmp_path / "jobs").glob("*"))
