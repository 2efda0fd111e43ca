"""A fleet's account on real PoCo: machines work, nobody else does, and only the owner moves money."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.hub import order_values
from sealgrid.chain.views import ContributionStatus, TaskPayment, TaskStatus
from sealgrid.chain.worker_account import (
    MAX_CALL,
    AccountWallet,
    Delegation,
    WorkerAccount,
    deploy_worker_account,
    forward_data,
)
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import Domain, SigningKey, personal_digest
from sealgrid.enclave.job.iexec_env import MAX_CALLBACK_BYTES
from sealgrid.errors import ContractReverted, InputRefused, ProofRefused
from sealgrid.poco.constants import worker_reward
from sealgrid.poco.ids import authorisation_message, enclave_message
from sealgrid.poco.orders import NO_DATASET_ORDER
from sealgrid.poco.tags import NO_TAG
from sealgrid.units import ZERO_ADDRESS, Address, Nrlc, TaskId, to_digest
from tests.contracts.feed_scene import set_callback_gas
from tests.contracts.mocks import Mock
from tests.contracts.scene import FUNDS, POOL_PRICE, RESULT, Attempt, Market

pytestmark = pytest.mark.chain
OWNER, SENDER = "publisher", "pool"
PILOT, THIEF = SigningKey.from_bytes(b"\x31" * 32), SigningKey.from_bytes(b"\x32" * 32)
STAKE = POOL_PRICE * 30 // 100
FOREVER = 2**40
CALLBACK = b"data"
HUB = interface("Hub")


@dataclass
class Fleet:
    """An account with one machine, and who sends its calls."""

    market: Market
    account: WorkerAccount
    receipts: list[TransactionReceipt]

    @property
    def owner(self):
        return self.market.wallet(OWNER)

    def wallet(self, pilot: SigningKey = PILOT, sender: str = SENDER) -> AccountWallet:
        async def send(call: AccountCall, signature: bytes, action: str) -> TransactionReceipt:
            receipt = await self.send(sender, call, signature)
            self.receipts.append(receipt)
            return receipt

        return self.signing(pilot, send)

    def signing(self, pilot: SigningKey, send: Callable[..., Awaitable[TransactionReceipt]]) -> AccountWallet:
        hub = self.market.hub.address
        return AccountWallet(
            self.market.node, hub, self.account.address, pilot, send, chain=self.market.domain.chain, expiry=FOREVER
        )

    async def send(self, sender: str, call: AccountCall, signature: bytes) -> TransactionReceipt:
        """Send what a machine signed."""
        arguments = (call.call, call.expiry, signature)
        return await self.market.wallet(sender).call(self.account.address, "WorkerAccount", "forward", *arguments)

    async def sign(self, data: bytes, pilot: SigningKey = PILOT, *, expiry: int = FOREVER, **domain: object):
        call = AccountCall(call=data, expiry=expiry)
        fields = {"chain": await self.market.node.chain(), "broker": self.account.address} | domain
        return call, call.sign(Domain(**fields), pilot)

    async def forward(self, data: bytes, pilot: SigningKey = PILOT, **changes: object) -> None:
        """Sign calldata as a machine and send them as a stranger."""
        await self.send("stranger", *await self.sign(data, pilot, **changes))

    async def authorised(self, task: TaskId) -> bytes:
        message = authorisation_message(self.account.address, task, ZERO_ADDRESS)
        return development_key("pool").sign(personal_digest(message))

    async def result(self, task: TaskId, callback: bytes = b"") -> bytes:
        """Calldata that publish a result without an enclave."""
        digest = to_digest(keccak256(callback)) if callback else RESULT
        arguments = (task, digest, b"{}", callback, ZERO_ADDRESS, b"", await self.authorised(task))
        return HUB.call_data("contributeAndFinalize", *arguments)

    async def delegate(self, *, pool: Address | None = None, expiry: int = FOREVER, stake: int = 0) -> None:
        delegation = Delegation(expiry, Nrlc(stake))
        await self.account.delegate(self.owner, PILOT.address, pool or self.market.pool, delegation)


@pytest.fixture
async def fleet(market: Market) -> Fleet:
    address = await deploy_worker_account(market.wallet(OWNER), market.hub.address)
    made = Fleet(market, WorkerAccount(market.node, address), [])
    await made.delegate()
    return made


async def plain_task(market: Market, **changes: object) -> TaskId:
    """A task without an enclave, which one worker computes."""
    category = market.deployment.categories["Short"]
    terms = {"tag": NO_TAG, "category": category, "trust": changes.pop("trust", 1)}
    price = {"workerpoolprice": changes.pop("price", POOL_PRICE)}
    request = {"dataset": ZERO_ADDRESS, "volume": 1, "salt": to_digest(os.urandom(32))}
    deal = await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(tag=NO_TAG),
        NO_DATASET_ORDER,
        market.pool_order(**terms, **price),
        market.request(**{**terms, **request, **changes}),
    )
    return await market.hub.initialize(market.wallet("pool"), deal, 0)


async def enclave_attempt(fleet: Fleet) -> Attempt:
    return replace(await fresh_attempt(fleet.market), worker=fleet.account.address)


async def fresh_attempt(market: Market) -> Attempt:
    """An attempt at a deal of its own."""
    deal = await market.deal(salt=to_digest(os.urandom(32)))
    task = await market.hub.initialize(market.wallet("pool"), deal, 0)
    deadline = (await market.hub.view_task(task)).contribution_deadline
    return Attempt(market=market, deal=deal, task=task, expiry=deadline)


async def publish(good: Attempt, wallet: AccountWallet) -> None:
    """Publish an enclave's result as the account."""
    await good.market.hub.contribute_and_finalize(
        wallet,
        task=good.task,
        result_digest=RESULT,
        results=b'{"storage":"ipfs"}',
        enclave=good.enclave.address,
        enclave_signature=good.enclave.sign(personal_digest(enclave_message(good.worker, good.task, RESULT))),
        authorisation=good.proof(),
    )


# --- what a machine may do


async def test_a_machines_result_pays_the_account_and_the_pool_pays_the_gas(fleet: Fleet) -> None:
    good = await enclave_attempt(fleet)
    assert not int(await fleet.market.node.rpc("eth_getBalance", PILOT.address, "latest"), 16)
    await publish(good, fleet.wallet())
    contribution = await fleet.market.hub.view_contribution(good.task, fleet.account.address)
    assert contribution.status is ContributionStatus.PROVED
    earned = worker_reward(POOL_PRICE)
    assert TaskPayment(fleet.account.address, earned) in await fleet.market.hub.payments(good.task)
    assert (await fleet.market.hub.account(fleet.account.address)).stake == earned
    assert await fleet.market.hub.view_score(fleet.account.address) == 0, (
        "PoCo scores contributions without proof alone"
    )


async def test_the_largest_callback_data_and_proof_fit_in_a_call(fleet: Fleet) -> None:
    task = await plain_task(fleet.market, callback=fleet.market.broker.address)
    data = await fleet.result(task, os.urandom(MAX_CALLBACK_BYTES))
    with pytest.raises(ContractReverted):
        await fleet.forward(data + bytes(MAX_CALL - len(data) + 1))
    await fleet.forward(data + bytes(MAX_CALL - len(data)))
    assert (await fleet.market.hub.view_task(task)).status is TaskStatus.COMPLETED


async def test_a_machines_wallet_calls_nothing_but_the_hub(fleet: Fleet) -> None:
    with pytest.raises(InputRefused, match="hub alone"):
        await fleet.market.hub.deposit(fleet.wallet(), 1)


async def test_the_refusal_of_a_proof_names_the_brokers_check(fleet: Fleet) -> None:
    good = await enclave_attempt(fleet)
    with pytest.raises(ProofRefused, match="check \\(8\\)"):
        await publish(good.but(signers=good.signers[:1]), fleet.wallet())


async def test_a_machine_contributes_and_reveals_with_the_stake_of_the_account(fleet: Fleet) -> None:
    hub, account = fleet.market.hub, fleet.account.address
    await hub.deposit_for(fleet.market.wallet("admin"), STAKE, account)
    await fleet.delegate(stake=STAKE)
    task = await plain_task(fleet.market)
    await hub.contribute(fleet.wallet(), task, RESULT, await fleet.authorised(task))
    assert (await hub.account(account)).locked == STAKE
    await hub.reveal(fleet.wallet(), task, RESULT)
    await hub.finalize(fleet.market.wallet("pool"), task, b"{}")
    assert (await hub.account(account)).stake == STAKE + worker_reward(POOL_PRICE)


async def test_the_owner_alone_withdraws_stake_and_earnings(fleet: Fleet) -> None:
    hub, account = fleet.market.hub, fleet.account
    await hub.deposit_for(fleet.market.wallet("admin"), 700, account.address)
    target = development_key("beneficiary").address
    for name in ("stranger", "worker", SENDER):
        with pytest.raises(ContractReverted, match="owner"):
            await account.withdraw(fleet.market.wallet(name), 700, target)
    await account.withdraw(fleet.owner, 700, target)
    assert await hub.wallet_balance(target) == 700
    assert (await hub.account(account.address)).stake == 0


async def test_the_owner_alone_delegates_and_revokes(fleet: Fleet) -> None:
    stranger, pool = fleet.market.wallet("stranger"), fleet.market.pool
    with pytest.raises(ContractReverted, match="owner"):
        await fleet.account.delegate(stranger, THIEF.address, pool, Delegation(FOREVER, Nrlc(0)))
    with pytest.raises(ContractReverted, match="owner"):
        await fleet.account.revoke(stranger, PILOT.address, pool)
    assert await fleet.account.delegation(PILOT.address, pool) == Delegation(FOREVER, Nrlc(0))


async def test_a_new_owner_has_to_accept(fleet: Fleet) -> None:
    heir = fleet.market.wallet("beneficiary")
    await fleet.owner.call(fleet.account.address, "WorkerAccount", "transfer_ownership", heir.address)
    assert await fleet.account.owner() == fleet.owner.address
    await heir.call(fleet.account.address, "WorkerAccount", "accept_ownership")
    with pytest.raises(ContractReverted, match="owner"):
        await fleet.account.withdraw(fleet.owner, 0, fleet.owner.address)


# --- the numbered checks


async def test_1_an_expired_signature_is_refused(fleet: Fleet) -> None:
    data = await fleet.result(await plain_task(fleet.market))
    now = (await fleet.market.node.block()).timestamp
    with pytest.raises(ContractReverted, match=r"\(1\)"):
        await fleet.forward(data, expiry=now)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("withdraw", (1,)),
        ("withdrawTo", (1, THIEF.address)),
        ("claim", (bytes(32),)),
        ("finalize", (bytes(32), b"", b"")),
    ],
)
async def test_2_other_calls_than_a_workers_are_refused(fleet: Fleet, function: str, arguments: tuple) -> None:
    await fleet.market.hub.deposit_for(fleet.market.wallet("admin"), 700, fleet.account.address)
    with pytest.raises(ContractReverted, match=r"\(2\)"):
        await fleet.forward(HUB.call_data(function, *arguments))


async def test_2_an_account_buys_nothing_with_its_escrow(fleet: Fleet) -> None:
    market = fleet.market
    await market.hub.deposit_for(market.wallet("admin"), FUNDS, fleet.account.address)
    orders = [market.app_order(), market.dataset_order(), market.pool_order(), market.request()]
    *sold, request = map(order_values, orders)
    for data in (
        HUB.call_data("manageRequestOrder", (request, 0, b"")),
        HUB.call_data("matchOrders", *sold, request),
        HUB.call_data("sponsorMatchOrders", *sold, request),
    ):
        with pytest.raises(ContractReverted, match=r"\(2\)"):
            await fleet.forward(data)


@pytest.mark.parametrize("data", [b"", b"\x00" * 4, HUB.selector("reveal"), HUB.selector("reveal") + bytes(31)])
async def test_2_calldata_without_a_task_are_refused(fleet: Fleet, data: bytes) -> None:
    with pytest.raises(ContractReverted, match=r"\(2\)"):
        await fleet.forward(data)


@pytest.mark.parametrize("damage", ["empty", "short", "zero", "high s", "v"])
async def test_3_a_signature_has_one_accepted_form(fleet: Fleet, damage: str) -> None:
    call, good = await fleet.sign(await fleet.result(await plain_task(fleet.market)))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    bad = {
        "empty": b"",
        "short": good[:64],
        "zero": bytes(65),
        "high s": good[:32] + twin + bytes([55 - good[64]]),
        "v": good[:64] + bytes([good[64] - 27]),
    }[damage]
    with pytest.raises(ContractReverted, match=r"\(3\)"):
        await fleet.send("stranger", call, bad)


async def test_4_anothers_signature_is_refused(fleet: Fleet) -> None:
    data = await fleet.result(await plain_task(fleet.market))
    for other in (THIEF, development_key(OWNER), development_key("pool")):
        with pytest.raises(ContractReverted, match=r"\(4\)"):
            await fleet.forward(data, other)


async def test_4_a_signature_for_another_account_or_chain_is_refused(fleet: Fleet) -> None:
    data = await fleet.result(await plain_task(fleet.market))
    twin = await deploy_worker_account(fleet.owner, fleet.market.hub.address)
    for domain in ({"broker": twin}, {"broker": fleet.market.broker.address}, {"chain": 1}):
        with pytest.raises(ContractReverted, match=r"\(4\)"):
            await fleet.forward(data, **domain)


async def test_4_a_signature_is_of_one_call_and_one_expiry(fleet: Fleet) -> None:
    task, other = await plain_task(fleet.market), await plain_task(fleet.market)
    call, signature = await fleet.sign(await fleet.result(task))
    for changed in (replace_call(call, await fleet.result(other)), AccountCall(call=call.call, expiry=FOREVER + 1)):
        with pytest.raises(ContractReverted, match=r"\(4\)"):
            await fleet.send("stranger", changed, signature)


def replace_call(call: AccountCall, data: bytes) -> AccountCall:
    return AccountCall(call=data, expiry=call.expiry)


async def test_4_an_expired_delegate_is_refused(fleet: Fleet) -> None:
    now = (await fleet.market.node.block()).timestamp
    await fleet.delegate(expiry=now + 100)
    data = await fleet.result(await plain_task(fleet.market))
    await advance(fleet.market.node, 100)
    with pytest.raises(ContractReverted, match=r"\(4\)"):
        await fleet.forward(data)


async def test_4_a_revoked_delegate_is_refused_also_with_an_earlier_signature(fleet: Fleet) -> None:
    signed = await fleet.sign(await fleet.result(await plain_task(fleet.market)))
    await fleet.account.revoke(fleet.owner, PILOT.address, fleet.market.pool)
    with pytest.raises(ContractReverted, match=r"\(4\)"):
        await fleet.send("pool", *signed)


async def test_4_work_for_another_pool_is_refused(fleet: Fleet) -> None:
    other = await fleet.market.assets.create_workerpool(fleet.market.wallet("pool"), description="another")
    task = await plain_task(replace(fleet.market, pool=other))
    with pytest.raises(ContractReverted, match=r"\(4\)"):
        await fleet.forward(await fleet.result(task))
    await fleet.delegate(pool=other)
    await fleet.forward(await fleet.result(task))
    assert (await fleet.market.hub.view_task(task)).status is TaskStatus.COMPLETED


async def test_4_a_task_that_does_not_exist_has_no_pool(fleet: Fleet) -> None:
    with pytest.raises(ContractReverted, match=r"\(4\)"):
        await fleet.forward(HUB.call_data("reveal", b"\x01" * 32, bytes(32)))


async def test_5_a_machine_puts_no_more_at_stake_than_the_owner_allowed(fleet: Fleet) -> None:
    hub = fleet.market.hub
    await hub.deposit_for(fleet.market.wallet("admin"), STAKE, fleet.account.address)
    task = await plain_task(fleet.market)
    for stake in (0, STAKE - 1):
        await fleet.delegate(stake=stake)
        with pytest.raises(ContractReverted, match=r"\(5\)"):
            await hub.contribute(fleet.wallet(), task, RESULT, await fleet.authorised(task))
    assert (await hub.account(fleet.account.address)).locked == 0


async def test_5_without_an_allowed_stake_a_machine_contributes_nothing_even_where_the_pool_asks_for_none(
    fleet: Fleet,
) -> None:
    market = fleet.market
    task = await plain_task(market, price=0)
    with pytest.raises(ContractReverted, match=r"\(5\)"):
        await market.hub.contribute(fleet.wallet(), task, RESULT, await fleet.authorised(task))
    await fleet.delegate(stake=1)
    await market.hub.contribute(fleet.wallet(), task, RESULT, await fleet.authorised(task))


# --- replay and reentrancy


async def test_a_call_counts_once(fleet: Fleet) -> None:
    signed = await fleet.sign(await fleet.result(await plain_task(fleet.market)))
    await fleet.send("stranger", *signed)
    earned = (await fleet.market.hub.account(fleet.account.address)).stake
    with pytest.raises(ContractReverted):
        await fleet.send("stranger", *signed)
    assert (await fleet.market.hub.account(fleet.account.address)).stake == earned


async def test_contributions_and_reveals_count_once(fleet: Fleet) -> None:
    market, hub = fleet.market, fleet.market.hub
    await hub.deposit_for(market.wallet("admin"), 10 * STAKE, fleet.account.address)
    await fleet.delegate(stake=STAKE)
    task = await plain_task(market)
    calls: list[tuple[AccountCall, bytes]] = []

    async def send(call: AccountCall, signature: bytes, action: str) -> TransactionReceipt:
        calls.append((call, signature))
        return await fleet.send("pool", call, signature)

    wallet = fleet.signing(PILOT, send)
    await hub.contribute(wallet, task, RESULT, await fleet.authorised(task))
    await hub.reveal(wallet, task, RESULT)
    for signed in calls:
        with pytest.raises(ContractReverted):
            await fleet.send("stranger", *signed)
    assert (await hub.account(fleet.account.address)).locked == STAKE


async def test_a_contribution_is_not_repeated_after_a_reopening(fleet: Fleet) -> None:
    market, hub = fleet.market, fleet.market.hub
    await hub.deposit_for(market.wallet("admin"), 10 * STAKE, fleet.account.address)
    await fleet.delegate(stake=STAKE)
    task = await plain_task(market)
    arguments = (RESULT, await fleet.authorised(task))
    await hub.contribute(fleet.wallet(), task, *arguments)
    await advance(market.node, 2 * 30)
    await hub.reopen(market.wallet("pool"), task)
    with pytest.raises(ContractReverted):
        await hub.contribute(fleet.wallet(), task, *arguments)


async def test_what_poco_calls_back_gets_no_second_payment_and_no_money(fleet: Fleet) -> None:
    await set_callback_gas(fleet.market, 2_000_000)
    receiver = await Mock.deploy("Reentrant", fleet.market.wallet("stranger"))
    for inner in ("forward", "withdraw"):
        task = await plain_task(fleet.market, callback=receiver.address)
        call, signature = await fleet.sign(await fleet.result(task, CALLBACK))
        withdraw = interface("WorkerAccount").call_data("withdraw", 1, receiver.address)
        again = forward_data(call, signature) if inner == "forward" else withdraw
        await receiver.call("prepare", fleet.account.address, again)
        await fleet.send("stranger", call, signature)
        assert [await receiver.read(name) for name in ("called", "succeeded")] == [True, False]
    assert (await fleet.market.hub.account(fleet.account.address)).stake == 2 * worker_reward(POOL_PRICE)


# --- the contract itself


async def test_an_account_without_a_hub_and_delegations_without_sense_are_refused(fleet: Fleet) -> None:
    market = fleet.market
    with pytest.raises(ContractReverted, match="no code"):
        await deploy_worker_account(fleet.owner, PILOT.address)
    with pytest.raises(ContractReverted, match="zero"):
        await fleet.account.delegate(fleet.owner, ZERO_ADDRESS, market.pool, Delegation(FOREVER, Nrlc(0)))
    with pytest.raises(ContractReverted, match="passed"):
        await fleet.account.delegate(fleet.owner, PILOT.address, market.pool, Delegation(1, Nrlc(0)))


async def test_an_account_of_another_hub_is_named(fleet: Fleet) -> None:
    await fleet.account.require_of(fleet.market.hub.address)
    with pytest.raises(InputRefused, match="not a worker account"):
        await fleet.account.require_of(fleet.market.broker.address)
    for other in (PILOT.address, fleet.market.pool, fleet.market.broker.address):
        with pytest.raises(InputRefused, match="not a worker account"):
            await WorkerAccount(fleet.market.node, other).require_of(fleet.market.hub.address)


async def test_an_account_has_no_signature_and_no_other_door() -> None:
    entries = [entry for entry in artifacts.abi("WorkerAccount") if entry["type"] == "function"]
    writing = {entry["name"] for entry in entries if entry["stateMutability"] not in ("view", "pure")}
    assert writing == {"delegate", "revoke", "withdraw", "forward", "transfer_ownership", "accept_ownership"}
    assert "isValidSignature" not in {entry["name"] for entry in entries}


async def test_the_gas_of_both_ways(fleet: Fleet, record_property: Callable[[str, object], None]) -> None:
    market = fleet.market
    for _ in range(2):  # the first payment of an account writes a new balance
        await publish(await enclave_attempt(fleet), fleet.wallet())
        await (await fresh_attempt(market)).publish()
    forwarded, direct = fleet.receipts[-1].gas_used, await gas_of_head(market)
    record_property("gas", f"a result by a worker's own key: {direct}")
    record_property("gas", f"a result through a worker account: {forwarded}")
    assert direct < forwarded < direct + 60_000


async def gas_of_head(market: Market) -> int:
    """The gas of the last transaction: each has a block of its own here."""
    return int((await market.node.rpc("eth_getBlockByNumber", "latest", False))["gasUsed"], 16)
