"""The payer is refunded automatically after the final deadline of a task that no machine finished."""

import asyncio
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import HostFailed
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest

ROOT = Path(__file__).resolve().parents[2]
FINAL_SECONDS = 10 * 30 + 1

pytestmark = pytest.mark.localnet

NEVER_ENDS = """
import signal
signal.pause()
"""


async def test_a_requester_is_refunded_without_asking_when_no_machine_finishes(people, tmp_path):
    folder = tmp_path / "sleeper"
    folder.mkdir()
    (folder / "main.py").write_text(NEVER_ENDS)
    limits = "[limits]\nwall_seconds = 600\n"
    (folder / "app.toml").write_text(f'name = "sleeper"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n{limits}')
    app = await deploy.deploy(people.developer, folder, price=7)
    hub, me = people.requester2.hub, people.requester2.address
    before, sponsor = await hub.account(me), Wallet(people.requester2.node, development_key("publisher"))
    await hub.deposit(sponsor, 5 * 10**9)
    sponsors = await hub.account(sponsor.address)
    job = await buy.run(people.requester2, RunRequest(app.address))
    locked = await hub.account(me)
    assert locked.locked > before.locked
    stages: list[str] = []
    following = asyncio.create_task(follow(people.requester2, job, lambda stage: stages.append(stage.stage)))
    async with asyncio.timeout(30):
        while "running" not in stages:
            await asyncio.sleep(0.05)
    sponsored = await buy.run(people.requester2, RunRequest(app.address), sponsor=sponsor)
    assert await hub.account(sponsor.address) != sponsors
    await advance(people.requester2.node, FINAL_SECONDS)
    with pytest.raises(HostFailed, match="deadline") as failed:
        await asyncio.wait_for(following, 30)
    assert failed.value.money == "The requester was refunded."
    with pytest.raises(HostFailed, match="deadline") as failed:
        await asyncio.wait_for(follow(people.requester2, sponsored), 30)
    assert failed.value.money == f"The sponsor {sponsor.address} was refunded."
    after = await hub.account(me)
    assert after.stake + after.locked == before.stake + before.locked
    assert after.locked <= before.locked  # an earlier task of this account may have been refunded as well
    assert await hub.account(sponsor.address) == sponsors
