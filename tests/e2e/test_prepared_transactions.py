"""What is prepared for a wallet elsewhere is what the account itself would send, and changes nothing by itself."""

import pytest

from sealgrid.chain.abi import interface
from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.wallet import UnsignedTransaction
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.units import TaskId

pytestmark = pytest.mark.localnet
TASK = TaskId("0x" + "5a" * 32)


async def test_the_steps_are_those_of_the_account_and_nothing_happens_before_they_are_signed(people):
    owner, before = people.owner, await people.owner.node.block()
    paper, steps = recording_connection(people.stranger, owner.address)
    await AsyncAccount(paper).deposit("1 nRLC")
    foreseen = await AccessPolicy.deploy(paper.wallet)
    await foreseen.grant(paper.wallet, people.stranger.address)
    await paper.hub.claim(paper.wallet, TASK)
    assert (await owner.node.block()).number == before.number

    deposit, deploy, grant, claim = steps
    assert claim == UnsignedTransaction(
        action="Claiming the refund", to=owner.hub.address, data=interface("Hub").call_data("claim", TASK)
    )
    assert (deploy.to, deploy.creates, grant.to) == (None, foreseen.address, foreseen.address)
    await owner.wallet.send(deposit.to, deposit.data)
    assert (await AccessPolicy.deploy(owner.wallet)).address == foreseen.address
    await owner.wallet.send(grant.to, grant.data)
    assert await AccessPolicy(owner.node, foreseen.address).allows(people.stranger.address)
