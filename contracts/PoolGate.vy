# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title PoolGate: TeeBroker's checks on a hub without a teebroker
@license Apache-2.0
@notice On such a hub PoCo accepts any enclave that a workerpool's owner signed for. This contract is that owner: PoCo
        verifies the signature through ERC-1271, and this contract applies TeeBroker's checks, so that only a proof with
        the verdicts of t vaults is accepted. Its operator runs the pool: signs authorisations, presigns orders,
        finalises and reopens tasks, and receives stake and rewards.
@dev It never transfers a workerpool: every proof of a pool that it owns is checked, under any operator. It accepts no
     signature over an order; it presigns its orders on chain. Further check:

     (13) Without an enclave the operator's signature is enough, if the deal's tag has no TEE bit and the proof holds no
          vault signature.
@custom:kill Owner or guardian pause: then check (12) refuses all proofs. The operator closes the pool's orders.
"""
from .lib import admission
from .lib import federation
from .lib import judgement
from .lib import notice
from .lib import ownable
from .lib import signatures

initializes: ownable
initializes: notice
initializes: federation[ownable := ownable, notice := notice]
initializes: admission[ownable := ownable, notice := notice]
initializes: judgement[federation := federation, admission := admission]
exports: (
    ownable.owner,
    ownable.pending_owner,
    ownable.transfer_ownership,
    ownable.accept_ownership,
    ownable.renounce_ownership,
    notice.__interface__,
    federation.__interface__,
    admission.__interface__,
)


interface Hub:
    # Only the head of the return data is decoded; a text of any length follows it.
    def viewDealABILegacy_pt2(deal: bytes32) -> (uint256, bytes32): view
    def manageWorkerpoolOrder(operation: OrderOperation): nonpayable
    def finalize(task: bytes32, results: Bytes[MAX_RESULTS], callback: Bytes[MAX_RESULTS]): nonpayable
    def reopen(task: bytes32): nonpayable
    def withdrawTo(amount: uint256, target: address) -> bool: nonpayable


interface Workerpool:
    def changePolicy(worker_stake_ratio: uint256, scheduler_reward_ratio: uint256): nonpayable


MAX_RESULTS: constant(uint256) = 16384
TEE: constant(uint256) = 1
SIGN: constant(uint8) = 0
CLOSE: constant(uint8) = 1


# PoCo's WorkerpoolOrder, in the order of its ABI.
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
    sign: Bytes[65]


struct OrderOperation:
    order: WorkerpoolOrder
    operation: uint8
    sign: Bytes[65]


# @notice The account that runs the pool, or a contract with ERC-1271.
operator: public(address)


event OperatorChanged:
    operator: indexed(address)


@deploy
def __init__(
    hub_: address,
    vaults_: DynArray[address, federation.MAX_VAULTS],
    threshold_: uint256,
    platforms_: uint256,
    runtimes_: DynArray[bytes32, admission.MAX_RUNTIMES],
    notice_: uint256,
    insecure_: bool,
    operator_: address,
):
    """
    @notice The deployer becomes the owner, who chooses vaults and runtimes, as with TeeBroker, and the operator.
    @param hub_ The PoCo hub; it must have code.
    @param vaults_ The vaults' addresses, nonzero and strictly ascending.
    @param threshold_ How many of them must sign: n = 2t - 1.
    @param platforms_ Bitmap of platforms that may attest; bit 255 is the simulated one.
    @param runtimes_ Runtime identities that may attest from the start.
    @param notice_ Seconds between the announcement of a change of trust and its effect; at least a day.
    @param insecure_ Allow simulated evidence and a shorter notice on a public chain; readable by everyone.
    @param operator_ The account that runs the pool.
    """
    ownable.__init__()
    notice.__init__(notice_, insecure_)
    federation.__init__(hub_, vaults_, threshold_)
    admission.__init__(platforms_, runtimes_)
    self._change_operator(operator_)


@external
def change_operator(operator_: address):
    """
    @notice Replace the operator. Refuses what the former operator authorised and no worker has published yet.
    @param operator_ The new operator.
    """
    ownable._check_owner()
    self._change_operator(operator_)


@external
def sign_order(order: WorkerpoolOrder):
    """
    @notice Presign an order of a workerpool that this contract owns, so that PoCo can match it. Operator only.
    @param order The order; its `sign` is ignored.
    """
    self._manage(order, SIGN)


@external
def close_order(order: WorkerpoolOrder):
    """
    @notice Close an order, so that it can never be matched again. Operator only.
    @param order The order.
    """
    self._manage(order, CLOSE)


@external
def finalize(task: bytes32, results: Bytes[MAX_RESULTS], callback: Bytes[MAX_RESULTS]):
    """
    @notice Finalise a task whose workers revealed. Operator only. The proof was checked at the contribution.
    @param task The task.
    @param results PoCo's public hint to the result.
    @param callback The data that PoCo passes to the deal's callback contract.
    """
    self._check_operator()
    extcall Hub(federation.hub).finalize(task, results, callback)


@external
def reopen(task: bytes32):
    """
    @notice Reopen a task whose workers did not reveal in time. Operator only.
    @param task The task.
    """
    self._check_operator()
    extcall Hub(federation.hub).reopen(task)


@external
def change_policy(workerpool: address, worker_stake_ratio: uint256, scheduler_reward_ratio: uint256):
    """
    @notice Change the stake and reward of a pool's workers in later deals. Operator only.
    @param workerpool A workerpool that this contract owns.
    @param worker_stake_ratio The worker's stake, in per cent of the price.
    @param scheduler_reward_ratio The pool's share, in per cent of the price.
    """
    self._check_operator()
    extcall Workerpool(workerpool).changePolicy(worker_stake_ratio, scheduler_reward_ratio)


@external
def withdraw(amount: uint256):
    """
    @notice Move free stake and rewards from this contract's escrow to the operator. Operator only. Anyone may deposit
            with PoCo's `depositFor`.
    @param amount The amount, in 10^-9 RLC.
    """
    self._check_operator()
    assert extcall Hub(federation.hub).withdrawTo(amount, msg.sender), "PoolGate: the hub did not pay out"


@view
@external
def isValidSignature(digest: bytes32, proof: Bytes[judgement.MAX_PROOF]) -> bytes4:
    """
    @notice ERC-1271: return whether PoCo may accept this worker, and its enclave if it has one, for this task.
    @param digest PoCo's digest: EIP-191 of keccak256(worker, task, enclave).
    @param proof See lib/judgement.vy; without an enclave, all fields after the pool's signature are zero or empty.
    @return The magic value 0x1626ba7e, or 0xffffffff.
    """
    return signatures.ACCEPTED if self._judge(digest, proof) == 0 else signatures.REFUSED


@view
@external
def judge(digest: bytes32, proof: Bytes[judgement.MAX_PROOF]) -> uint256:
    """
    @notice Return the check that refuses a proof.
    @param digest PoCo's digest.
    @param proof See isValidSignature.
    @return 0 if the proof is accepted, else the number of the first check that refuses it.
    """
    return self._judge(digest, proof)


@internal
def _change_operator(operator_: address):
    assert operator_ not in [empty(address), self], "PoolGate: the operator must be another account"
    self.operator = operator_
    log OperatorChanged(operator=operator_)


@view
@internal
def _check_operator():
    assert msg.sender == self.operator, "PoolGate: only the operator runs the pool"


@internal
def _manage(order: WorkerpoolOrder, operation: uint8):
    self._check_operator()
    extcall Hub(federation.hub).manageWorkerpoolOrder(OrderOperation(order=order, operation=operation, sign=b""))


@view
@internal
def _judge(digest: bytes32, raw: Bytes[judgement.MAX_PROOF]) -> uint256:
    if len(raw) < judgement.MIN_PROOF:
        return 1
    proof: judgement.Proof = judgement._read(raw)
    if not judgement._is_about(digest, proof):
        return 2
    app: address = empty(address)
    pool_owner: address = empty(address)
    app, pool_owner = judgement._parties(proof.deal)
    if app == empty(address) or pool_owner == empty(address):
        return 3
    if pool_owner != self or not signatures._is_signed_by(self.operator, digest, proof.pool_signature):
        return 4
    if proof.enclave == empty(address):
        return self._judge_without_enclave(proof)
    return judgement._judge_verdicts(proof, app)


@view
@internal
def _judge_without_enclave(proof: judgement.Proof) -> uint256:
    trust: uint256 = 0
    tag: bytes32 = empty(bytes32)
    trust, tag = staticcall Hub(federation.hub).viewDealABILegacy_pt2(proof.deal)
    if convert(tag, uint256) & TEE != 0 or len(proof.signatures) != 0:
        return 13
    return 12 if admission.paused else 0
