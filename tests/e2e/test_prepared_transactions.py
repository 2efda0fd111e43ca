"""Steps that the SDK records for an external wallet equal the account's own transactions and send nothing."""

import pytest

from sealgrid.chain.abi import interface
from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.wallet import UnsignedTransaction
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.units import TaskId

pytestmark = pytest.mark.localnet
TASK = TaskId("0x" + "5a" * 32)


async def test_the_recorded_steps_equal_the_accounts_transactions_and_send_nothing(people):
    owner, before = people.owner, await people.owner.node.block()
    recorder, steps = recording_connection(people.stranger, owner.address)
    await AsyncAccount(recorder).deposit("1 nRLC")
    predicted = await AccessPolicy.deploy(recorder.wallet)
    await predicted.grant(recorder.wallet, people.stranger.address)
    await recorder.hub.claim(recorder.wallet, TASK)
    assert (await owner.node.block()).number == before.number

    deposit, deploy, grant, claim = steps
    assert claim == UnsignedTransaction(
        action="Claiming the refund", to=owner.hub.address, data=interface("Hub").call_data("claim", TASK)
    )
    assert (deploy.to, deploy.creates, grant.to) == (None, predicted.address, predicted.address)
    await owner.wallet.send(deposit.to, deposit.data)
    assert (await AccessPolicy.deploy(owner.wallet)).address == predicted.address
    await owner.wallet.send(grant.to, grant.data)
    assert await AccessPolicy(owner.node, predicted.address).allows(people.stranger.address)
