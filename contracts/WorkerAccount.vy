# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title WorkerAccount: the PoCo worker of a fleet of machines
@license Apache-2.0
@notice PoCo pays the account that sends a worker's call. This contract is that account for many machines: it holds
        their stake and earnings. Each machine has a delegate's key; the owner lets a delegate work for one pool until
        a time. Anyone may send a call that a delegate signed, and pays its gas; the pool does.
@dev The contract calls nothing but the hub: the three calls of a worker for a delegate's signature, and `withdrawTo`
     for the owner. PoCo asks no signature of a worker, so there is no ERC-1271 here: a signature in the account's name
     could spend its escrow, for example in a request order. PoCo takes each of the three calls once for a task and a
     worker, so that a signature needs no nonce. A call in PoCo's callback can do no more than a call at another time.

     forward() checks:
     (1) The signature has not expired.
     (2) The call is `contribute`, `contributeAndFinalize` or `reveal`.
     (3) It is signed strictly (lib/signatures.vy), in the domain of this account and chain.
     (4) The owner delegated the work for the pool of the task's deal to the signer, and the delegation has not ended.
     (5) The delegation allows stake, and a contribution locks no more than that.
@custom:kill The owner revokes every delegate; then no call is forwarded. `withdraw` stays.
"""
from .lib import ownable
from .lib import signatures

initializes: ownable
exports: (
    ownable.owner,
    ownable.pending_owner,
    ownable.transfer_ownership,
    ownable.accept_ownership,
)


interface Hub:
    # Only the head of the return data is decoded; arrays and texts follow it.
    def viewTaskABILegacy(task: bytes32) -> (uint256, bytes32): view
    def viewDealABILegacy_pt1(
        deal: bytes32,
    ) -> (address, address, uint256, address, address, uint256, address): view
    def viewConfigABILegacy(deal: bytes32) -> (uint256, uint256, uint256, uint256, uint256): view
    def withdrawTo(amount: uint256, target: address) -> bool: nonpayable


# Callback data of 16384 bytes, a proof of 4096 (lib/judgement.vy), and 2048 for the other arguments of a result.
MAX_CALL: constant(uint256) = 22528
MIN_CALL: constant(uint256) = 36  # a selector and a task
CONTRIBUTE: constant(bytes4) = method_id(
    "contribute(bytes32,bytes32,bytes32,address,bytes,bytes)", output_type=bytes4
)
CONTRIBUTE_AND_FINALIZE: constant(bytes4) = method_id(
    "contributeAndFinalize(bytes32,bytes32,bytes,bytes,address,bytes,bytes)", output_type=bytes4
)
REVEAL: constant(bytes4) = method_id("reveal(bytes32,bytes32)", output_type=bytes4)
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
CALL_TYPE: constant(bytes32) = keccak256("AccountCall(bytes call,uint64 expiry)")


struct Delegation:
    expiry: uint256
    stake: uint256


# @notice The hub whose worker this account is.
hub: public(immutable(address))
# @notice By delegate and pool: when the delegation ends, in Unix seconds, and the largest stake of one contribution,
#         in 10^-9 RLC; zero without a delegation.
delegations: public(HashMap[address, HashMap[address, Delegation]])


event Delegated:
    delegate: indexed(address)
    pool: indexed(address)
    expiry: uint256
    stake: uint256


event Revoked:
    delegate: indexed(address)
    pool: indexed(address)


@deploy
def __init__(hub_: address):
    """
    @notice The deployer becomes the owner.
    @param hub_ The PoCo hub; it must have code.
    """
    assert hub_.is_contract, "WorkerAccount: the hub has no code"
    ownable.__init__()
    hub = hub_


@external
def delegate(delegate_: address, pool: address, expiry: uint256, stake: uint256):
    """
    @notice Let a delegate's signatures work for a pool. Replaces an earlier delegation for this pool. Owner only.
    @param delegate_ The address of the delegate's key.
    @param pool The workerpool. Its owner sets the stake of contributions, and receives what they lose.
    @param expiry The first second at which the delegation no longer holds, in Unix time.
    @param stake The largest stake of one contribution, in 10^-9 RLC; with 0 the delegate makes none. Results of
           enclaves need none.
    """
    ownable._check_owner()
    assert delegate_ != empty(address), "WorkerAccount: address zero signs nothing"
    assert expiry > block.timestamp, "WorkerAccount: that time has passed"
    self.delegations[delegate_][pool] = Delegation(expiry=expiry, stake=stake)
    log Delegated(delegate=delegate_, pool=pool, expiry=expiry, stake=stake)


@external
def revoke(delegate_: address, pool: address):
    """
    @notice End a delegation at once; signatures that were not sent yet are refused too. Owner only.
    @param delegate_ The address of the delegate's key.
    @param pool The workerpool.
    """
    ownable._check_owner()
    self.delegations[delegate_][pool] = empty(Delegation)
    log Revoked(delegate=delegate_, pool=pool)


@external
def withdraw(amount: uint256, target: address):
    """
    @notice Move free stake and earnings out of this account's escrow. Owner only. Anyone may deposit for this account
            with PoCo's `depositFor`.
    @param amount The amount, in 10^-9 RLC.
    @param target The account that receives it.
    """
    ownable._check_owner()
    assert extcall Hub(hub).withdrawTo(amount, target), "WorkerAccount: the hub did not pay out"


@external
def forward(call: Bytes[MAX_CALL], expiry: uint64, signature: Bytes[65]):
    """
    @notice Make a worker's call that a delegate signed. Anyone may send it; reverts as the hub reverts.
    @param call The calldata for the hub.
    @param expiry The first second at which the signature no longer holds, in Unix time.
    @param signature The delegate's, over AccountCall(call, expiry), EIP-712.
    """
    # (1)
    assert convert(expiry, uint256) > block.timestamp, "WorkerAccount: (1) the signature has expired"
    # (2)
    assert len(call) >= MIN_CALL, "WorkerAccount: (2) not a worker's call"
    kind: bytes4 = convert(slice(call, 0, 4), bytes4)
    assert kind in [CONTRIBUTE_AND_FINALIZE, CONTRIBUTE, REVEAL], "WorkerAccount: (2) not a worker's call"
    # (3)
    delegate_: address = signatures._recover(self._digest(keccak256(call), expiry), signature)
    assert delegate_ != empty(address), "WorkerAccount: (3) not a valid signature"
    # (4)
    deal: bytes32 = (staticcall Hub(hub).viewTaskABILegacy(convert(slice(call, 4, 32), bytes32)))[1]
    pool: address = (staticcall Hub(hub).viewDealABILegacy_pt1(deal))[6]
    delegation: Delegation = self.delegations[delegate_][pool]
    assert delegation.expiry > block.timestamp, "WorkerAccount: (4) the signer has no delegation for this pool"
    # (5)
    if kind == CONTRIBUTE:
        locked: uint256 = (staticcall Hub(hub).viewConfigABILegacy(deal))[4]
        assert delegation.stake > 0, "WorkerAccount: (5) the delegation allows no contribution"
        assert locked <= delegation.stake, "WorkerAccount: (5) more stake than the delegation allows"
    raw_call(hub, call)


@view
@internal
def _digest(call_hash: bytes32, expiry: uint64) -> bytes32:
    # Not cached: after a fork that changes the chain's id, old signatures must be refused.
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPE, keccak256("Sealgrid"), keccak256("1"), chain.id, self))
    return keccak256(concat(0x1901, domain, keccak256(abi_encode(CALL_TYPE, call_hash, expiry))))
