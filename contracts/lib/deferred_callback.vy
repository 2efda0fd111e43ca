# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title deferred_callback: checks of callback data that are delivered after a task is paid
@license Apache-2.0
@notice Plain callback data are readable by requester and worker before the payment. A deferred callback puts a salted
        commitment on the chain instead: the data are sealed with the result, can be opened after the payment, and
        anyone may deliver them. A contract that receives such data uses this module to check each delivery:

        (callback.1) The task is completed: it was paid.
        (callback.2) Its result digest is the digest of this result and of the commitment to exactly these data. The
                     deal has no plain callback: its app could have published bytes that look like a commitment.
        (callback.3) The deal uses the app that the receiver trusts, and the dataset if the receiver names one.
        (callback.4) The deal requires an enclave, and PoCo asked a judge that the receiver trusts: the hub's teebroker
                     is the trusted broker; or the hub has none, and the trusted gate owned the deal's workerpool at
                     the match. Where a broker is set, PoCo never asks the pool's owner about an enclave.
@dev Formats: docs/protocol/receipt.md. A delivery can be repeated; the receiver records the tasks that it accepted.
     The hub's teebroker is read at the delivery; its owner, who may replace it, is trusted (SECURITY.md).
"""


interface Hub:
    def teebroker() -> address: view
    # Only the head of the return data is decoded: an offset, app, dataset and workerpool (address, owner, price each),
    # trust, category, tag, requester, beneficiary, callback. A text of any length follows it.
    def viewDeal(
        deal: bytes32,
    ) -> (
        uint256,
        address,
        address,
        uint256,
        address,
        address,
        uint256,
        address,
        address,
        uint256,
        uint256,
        uint256,
        uint256,
        address,
        address,
        address,
    ): view


# The longest callback data that an enclave commits to.
MAX_DATA: constant(uint256) = 16384
COMPLETED: constant(uint256) = 3
TEE: constant(uint256) = 1
COMMITMENT: constant(bytes32) = keccak256("sealgrid/deferred-callback/1")
VIEW_TASK: constant(bytes4) = method_id("viewTask(bytes32)", output_type=bytes4)
# viewTask returns an offset and then a Task. Its words, counted from 0: the status, the deal, … the digest.
TASK_WORDS: constant(uint256) = 13
DEAL_WORD: constant(uint256) = 2
DIGEST_WORD: constant(uint256) = 12

hub: public(immutable(address))
# @notice The TeeBroker that must have checked the proof where the hub has a teebroker.
broker: public(immutable(address))
# @notice The PoolGate that must own the pool where the hub has no teebroker.
gate: public(immutable(address))


@deploy
def __init__(poco: address, trusted_broker: address, trusted_gate: address):
    """
    @param poco PoCo's hub.
    @param trusted_broker The TeeBroker that must have checked the proof where the hub has a teebroker; zero for none.
    @param trusted_gate The PoolGate that must own the pool where the hub has no teebroker; zero for none.
    """
    hub = poco
    broker = trusted_broker
    gate = trusted_gate


@view
@internal
def _check_delivery(
    task: bytes32,
    result: bytes32,
    salt: bytes32,
    data: Bytes[MAX_DATA],
    app: address,
    dataset: address,
):
    # `result` is the digest of sealed result and receipt; a `dataset` of zero accepts any.
    deal: bytes32 = self._check_completed(task, self._digest(result, salt, data))
    callback: address = empty(address)
    requester: address = empty(address)
    callback, requester = self._check_deal(deal, app, dataset)
    self._check_deferred(callback)


@pure
@internal
def _check_deferred(callback: address):
    assert callback == empty(address), "callback.2: the deal has a plain callback"


@pure
@internal
def _digest(result: bytes32, salt: bytes32, data: Bytes[MAX_DATA]) -> bytes32:
    return keccak256(concat(COMMITMENT, result, keccak256(concat(salt, data))))


@view
@internal
def _check_completed(task: bytes32, digest: bytes32) -> bytes32:
    # The return data are cut: a worker chooses the length of the task's results.
    answer: Bytes[32 * TASK_WORDS] = raw_call(
        hub, abi_encode(task, method_id=VIEW_TASK), max_outsize=32 * TASK_WORDS, is_static_call=True
    )
    assert convert(slice(answer, 32, 32), uint256) == COMPLETED, "callback.1: the task is not completed"
    assert convert(slice(answer, 32 * DIGEST_WORD, 32), bytes32) == digest, "callback.2: these are other data"
    return convert(slice(answer, 32 * DEAL_WORD, 32), bytes32)


@view
@internal
def _check_deal(deal: bytes32, app: address, dataset: address) -> (address, address):
    # Return the deal's callback contract, zero for none, and its requester. One call: PoCo copies a deal's params,
    # whose length its requester chooses, in each of them.
    offset: uint256 = 0
    deal_app: address = empty(address)
    deal_dataset: address = empty(address)
    pool: address = empty(address)
    pool_owner: address = empty(address)
    tag: uint256 = 0
    requester: address = empty(address)
    callback: address = empty(address)
    owner: address = empty(address)
    unused: uint256 = 0
    (
        offset,
        deal_app,
        owner,
        unused,
        deal_dataset,
        owner,
        unused,
        pool,
        pool_owner,
        unused,
        unused,
        unused,
        tag,
        requester,
        owner,
        callback,
    ) = staticcall Hub(hub).viewDeal(deal)
    assert deal_app == app, "callback.3: the deal is about another app"
    assert dataset == empty(address) or deal_dataset == dataset, "callback.3: the deal is about another dataset"
    assert tag & TEE != 0, "callback.4: the deal asked for no enclave"
    asked: address = staticcall Hub(hub).teebroker()
    if asked == empty(address):
        assert pool_owner == gate, "callback.4: another judge decides"
    else:
        assert asked == broker, "callback.4: another judge decides"
    return callback, requester
