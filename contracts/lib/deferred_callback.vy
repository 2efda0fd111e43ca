# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title deferred_callback: checks that data are the callback data of a paid task, delivered after the payment
@license Apache-2.0
@notice PoCo hands plain callback data to the worker before it pays. A deferred callback puts a salted commitment on the
        chain instead; the data are sealed like a result, open once the task is completed, and anybody delivers them.
        A contract that wants such data uses this module and checks each delivery:

        (callback.1) The task is completed: the chain has paid for it.
        (callback.2) Its result digest is that of this result and of the commitment to exactly these data. The deal has
                     no plain callback: its app could have published bytes that look like a commitment.
        (callback.3) The deal is about the app that the receiver trusts, and about its dataset where it names one.
        (callback.4) The deal asked for an enclave, and the judge that the receiver trusts decides on this hub: as its
                     teebroker, or as the owner that the deal's workerpool had.
@dev Formats: docs/protocol/receipt.md. The receiver keeps which tasks it took; a delivery can be repeated.
"""


interface Hub:
    def teebroker() -> address: view
    def viewDealABILegacy_pt1(
        deal: bytes32,
    ) -> (address, address, uint256, address, address, uint256, address, address, uint256): view
    # Only the head of its answer is read: what follows is a text of any length.
    def viewDealABILegacy_pt2(deal: bytes32) -> (uint256, bytes32, address, address, address): view


# The longest callback data that an enclave commits to.
MAX_DATA: constant(uint256) = 16384
COMPLETED: constant(uint256) = 3
TEE: constant(uint256) = 1
COMMITMENT: constant(bytes32) = keccak256("sealgrid/deferred-callback/1")
VIEW_TASK: constant(bytes4) = method_id("viewTask(bytes32)", output_type=bytes4)
# viewTask answers an offset and then a Task, whose words we count from 0: the status, the deal, … the digest.
TASK_WORDS: constant(uint256) = 13
DEAL_WORD: constant(uint256) = 2
DIGEST_WORD: constant(uint256) = 12

hub: public(immutable(address))
judge: public(immutable(address))


@deploy
def __init__(poco: address, trusted: address):
    """
    @param poco PoCo's hub.
    @param trusted The TeeBroker or PoolGate whose verdicts count.
    """
    hub = poco
    judge = trusted


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
    # `result` is the digest of sealed result and receipt; a `dataset` of zero takes any.
    deal: bytes32 = self._check_completed(task, self._digest(result, salt, data))
    target: address = self._check_deal(deal, app, dataset)
    assert target == empty(address), "callback.2: the deal has a plain callback"


@pure
@internal
def _digest(result: bytes32, salt: bytes32, data: Bytes[MAX_DATA]) -> bytes32:
    return keccak256(concat(COMMITMENT, result, keccak256(concat(salt, data))))


@view
@internal
def _check_completed(task: bytes32, digest: bytes32) -> bytes32:
    # The end of the answer is left out: a worker chooses how long the task's results are.
    answer: Bytes[32 * TASK_WORDS] = raw_call(
        hub, abi_encode(task, method_id=VIEW_TASK), max_outsize=32 * TASK_WORDS, is_static_call=True
    )
    assert convert(slice(answer, 32, 32), uint256) == COMPLETED, "callback.1: the task is not completed"
    assert convert(slice(answer, 32 * DIGEST_WORD, 32), bytes32) == digest, "callback.2: these are other data"
    return convert(slice(answer, 32 * DEAL_WORD, 32), bytes32)


@view
@internal
def _check_deal(deal: bytes32, app: address, dataset: address) -> address:
    # Returns the contract that PoCo calls back; zero for none.
    parts: (address, address, uint256, address, address, uint256, address, address, uint256) = (
        staticcall Hub(hub).viewDealABILegacy_pt1(deal)
    )
    assert parts[0] == app, "callback.3: the deal is about another app"
    assert dataset == empty(address) or parts[3] == dataset, "callback.3: the deal is about another dataset"
    terms: (uint256, bytes32, address, address, address) = staticcall Hub(hub).viewDealABILegacy_pt2(deal)
    assert convert(terms[1], uint256) & TEE != 0, "callback.4: the deal asked for no enclave"
    assert staticcall Hub(hub).teebroker() == judge or parts[7] == judge, "callback.4: another judge decides"
    return terms[4]
