# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title ComputeBuyer: an example of a contract that buys computing, and acts on the answer with no person in the loop
@license Apache-2.0
@notice Once a period it buys one run of an app from its own escrow at PoCo's hub. The app's answer, one number, arrives
        by PoCo's callback, and for each answer of at least `threshold` it pays `payout` wei to `payee`. Anyone may bring
        the open offers that it buys at: a pool does, since it is paid for the run.
@dev The request order is this contract's: it presigns it (`manageRequestOrder`) in the call that matches it, after these
     checks. They bound what anyone can make it do.

     (buyer.1) A period has passed since the last purchase.
     (buyer.2) The request is this contract's, calls back this contract, and is about one run.
     (buyer.3) App, dataset, pool, category, tag, params and beneficiary are those of the set-up.
     (buyer.4) The prices are at most `max_price` together.

     `call` is the hub's matchOrders call unchanged, so the request order is in the transaction's calldata, where workers
     find it. The answer is checked like any other: (callback.3), (callback.4), and that this contract bought the task.
@custom:kill The owner withdraws escrow and ether; without escrow nothing is bought.
"""
from ..lib import deferred_callback
from ..lib import ownable

initializes: ownable
initializes: deferred_callback
exports: (
    ownable.owner,
    ownable.pending_owner,
    ownable.transfer_ownership,
    ownable.accept_ownership,
    ownable.renounce_ownership,
    deferred_callback.hub,
    deferred_callback.broker,
    deferred_callback.gate,
)


interface Hub:
    def resultFor(task: bytes32) -> Bytes[ANSWER]: view
    def manageRequestOrder(operation: OrderOperation): nonpayable
    def withdrawTo(amount: uint256, target: address) -> bool: nonpayable


# PoCo's orders, in the order of its ABI.
struct AppOrder:
    app: address
    appprice: uint256
    volume: uint256
    tag: bytes32
    datasetrestrict: address
    workerpoolrestrict: address
    requesterrestrict: address
    salt: bytes32
    sign: Bytes[MAX_SIGNATURE]


struct DatasetOrder:
    dataset: address
    datasetprice: uint256
    volume: uint256
    tag: bytes32
    apprestrict: address
    workerpoolrestrict: address
    requesterrestrict: address
    salt: bytes32
    sign: Bytes[MAX_SIGNATURE]


struct WorkerpoolOrder:
    workerpool: address
    workerpoolprice: uint256
    volume: uint256
    tag: bytes32
    category: uint256
    trust: uint256
    apprestrict: address
    datasetrestrict: address
    requesterrestrict: address
    salt: bytes32
    sign: Bytes[MAX_SIGNATURE]


struct RequestOrder:
    app: address
    appmaxprice: uint256
    dataset: address
    datasetmaxprice: uint256
    workerpool: address
    workerpoolmaxprice: uint256
    requester: address
    volume: uint256
    tag: bytes32
    category: uint256
    trust: uint256
    beneficiary: address
    callback: address
    params: String[MAX_PARAMS]
    salt: bytes32
    sign: Bytes[MAX_SIGNATURE]


struct OrderOperation:
    order: RequestOrder
    operation: uint8
    sign: Bytes[65]


# What this contract buys.
struct Purchase:
    app: address
    dataset: address  # zero for none
    pool: address  # zero for any pool whose proofs the hub's teebroker judges
    category: uint256
    tag: bytes32  # what the machine must have; an enclave at least
    beneficiary: address  # opens the sealed result, beside the public answer
    max_price: uint256  # 10^-9 RLC for one run
    period: uint256  # seconds between two purchases


event Bought:
    task: indexed(bytes32)


event Answered:
    task: indexed(bytes32)
    answer: uint256


event Paid:
    amount: uint256


ANSWER: constant(uint256) = 32
MAX_PARAMS: constant(uint256) = 1024
MAX_SIGNATURE: constant(uint256) = 1024
MAX_CALL: constant(uint256) = 8192
SIGN: constant(uint8) = 0
MATCH_ORDERS: constant(bytes4) = method_id(
    "matchOrders((address,uint256,uint256,bytes32,address,address,address,bytes32,bytes),(address,uint256,uint256,bytes32,address,address,address,bytes32,bytes),(address,uint256,uint256,bytes32,uint256,uint256,address,address,address,bytes32,bytes),(address,uint256,address,uint256,address,uint256,address,uint256,bytes32,uint256,uint256,address,address,string,bytes32,bytes))",
    output_type=bytes4,
)

purchase: public(immutable(Purchase))
threshold: public(immutable(uint256))
payout: public(immutable(uint256))
payee: public(immutable(address))
# @notice The params of each request: JSON with the app's arguments and the key that a result is sealed to.
params: public(String[MAX_PARAMS])
# @notice Unix seconds from which the next run may be bought.
next_purchase: public(uint256)
# @notice The deal of a task that was bought and has no answer yet; zero for any other task.
awaited: public(HashMap[bytes32, bytes32])
# @notice The newest answer.
answer: public(uint256)
# @notice Wei that the payee has not got yet.
owed: public(uint256)


@deploy
@payable
def __init__(
    poco: address,
    trusted_judge: address,
    purchase_: Purchase,
    params_: String[MAX_PARAMS],
    threshold_: uint256,
    payout_: uint256,
    payee_: address,
):
    """
    @notice The deployer becomes the owner. Fund it: RLC by the hub's `depositFor`, ether by a transfer.
    @param poco PoCo's hub.
    @param trusted_judge The TeeBroker that the hub asks, or on a hub without one the PoolGate that owns the pool.
    @param purchase_ What to buy.
    @param params_ The params of each request.
    @param threshold_ The least answer that is paid for.
    @param payout_ Wei for each such answer.
    @param payee_ Who is paid.
    """
    ownable.__init__()
    deferred_callback.__init__(poco, trusted_judge, trusted_judge)
    assert convert(purchase_.tag, uint256) & deferred_callback.TEE != 0, "buyer: ask for an enclave"
    purchase = purchase_
    self.params = params_
    threshold = threshold_
    payout = payout_
    payee = payee_


@external
@payable
def __default__():
    """
    @notice Take ether for payouts.
    """
    pass


@external
def buy(call: Bytes[MAX_CALL]) -> bytes32:
    """
    @notice Buy one run at these offers. Anyone may call this.
    @param call The hub's matchOrders call, with this contract's request order, whose signature is empty.
    @return The task.
    """
    assert block.timestamp >= self.next_purchase, "buyer.1: the period has not passed"
    assert len(call) > 4 and convert(slice(call, 0, 4), bytes4) == MATCH_ORDERS, "buyer.2: not a call of matchOrders"
    orders: (AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder) = abi_decode(
        slice(call, 4, len(call) - 4), (AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder)
    )
    request: RequestOrder = orders[3]
    self._check(request)
    self.next_purchase = block.timestamp + purchase.period
    extcall Hub(deferred_callback.hub).manageRequestOrder(OrderOperation(order=request, operation=SIGN, sign=b""))
    deal: bytes32 = convert(raw_call(deferred_callback.hub, call, max_outsize=32), bytes32)
    # The salt of a request that was matched before has no volume left, so the deal's first task has index 0.
    task: bytes32 = keccak256(abi_encode(deal, empty(uint256)))
    self.awaited[task] = deal
    log Bought(task=task)
    return task


@external
def receiveResult(task: bytes32, data: Bytes[ANSWER]):
    """
    @notice EIP-1154: take the answer from PoCo and act on it.
    @param task The completed task.
    @param data The answer, 32 bytes; empty if the app failed.
    """
    assert msg.sender == deferred_callback.hub, "buyer: only the hub calls back; use pull"
    self._act(task, data)


@external
def pull(task: bytes32):
    """
    @notice Take the answer of a task whose callback ran out of gas. Anyone may call this, with any gas.
    @param task The completed task.
    """
    self._act(task, staticcall Hub(deferred_callback.hub).resultFor(task))


@external
def pay():
    """
    @notice Pay what is owed. Anyone may call this, for instance after more ether arrived.
    """
    self._pay(0)


@external
def withdraw(escrow: uint256, amount: uint256):
    """
    @notice Move money to the owner. Owner only.
    @param escrow The amount to take from this contract's escrow at the hub, in 10^-9 RLC.
    @param amount The ether to take, in wei.
    """
    ownable._check_owner()
    if escrow != 0:
        assert extcall Hub(deferred_callback.hub).withdrawTo(escrow, msg.sender), "buyer: the hub did not pay out"
    raw_call(msg.sender, b"", value=amount)


@view
@internal
def _check(request: RequestOrder):
    assert request.requester == self and request.callback == self, "buyer.2: not this contract's request"
    assert request.volume == 1, "buyer.2: more than one run"
    assert request.app == purchase.app and request.dataset == purchase.dataset, "buyer.3: another app or dataset"
    assert purchase.pool == empty(address) or request.workerpool == purchase.pool, "buyer.3: another pool"
    assert request.category == purchase.category and request.tag == purchase.tag, "buyer.3: another category or tag"
    assert request.trust <= 1 and request.beneficiary == purchase.beneficiary, "buyer.3: another trust or beneficiary"
    assert keccak256(request.params) == keccak256(self.params), "buyer.3: other params"
    price: uint256 = request.appmaxprice + request.datasetmaxprice + request.workerpoolmaxprice
    assert price <= purchase.max_price, "buyer.4: too expensive"


@internal
def _act(task: bytes32, data: Bytes[ANSWER]):
    deal: bytes32 = self.awaited[task]
    assert deal != empty(bytes32), "buyer: no task of this contract, or answered already"
    assert len(data) == ANSWER, "buyer: the app failed"
    deferred_callback._check_deal(deal, purchase.app, purchase.dataset)
    self.awaited[task] = empty(bytes32)
    self.answer = convert(data, uint256)
    log Answered(task=task, answer=self.answer)
    if self.answer >= threshold:
        self._pay(payout)


@internal
def _pay(more: uint256):
    # A slot for what is owed would cost a callback 22,100 gas, so only a failed payment is stored.
    before: uint256 = self.owed
    amount: uint256 = before + more
    if amount == 0:
        return
    if before != 0:
        self.owed = 0  # before the call, in which the payee could call again
    if self.balance >= amount and raw_call(payee, b"", value=amount, gas=20_000, revert_on_failure=False):
        log Paid(amount=amount)
    else:
        self.owed += amount
