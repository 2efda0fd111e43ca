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
        (callback.4) The deal requires an enclave, and the judge that the receiver trusts checked the proof: as the
                     hub's teebroker, or as the owner of the deal's workerpool at the match.
@dev Formats: docs/protocol/receipt.md. A delivery can be repeated; the receiver records the tasks that it accepted.
"""


interface Hub:
    def teebroker() -> address: view
    def viewDealABILegacy_pt1(
        deal: bytes32,
    ) -> (address, address, uint256, address, address, uint256, address, address, uint256): view
    # Only the head of the return data is decoded; a text of any length follows it.
    def viewDealABILegacy_pt2(deal: bytes32) -> (uint256, bytes32, address, address, address): view


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
judge: public(immutable(address))


@deploy
def __init__(poco: address, trusted: address):
    """
    @param poco PoCo's hub.
    @param trusted The TeeBroker or PoolGate that must have checked the proof.
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
    # `result` is the digest of sealed result and receipt; a `dataset` of zero accepts any.
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
    # The return data are cut: a worker chooses the length of the task's results.
    answer: Bytes[32 * TASK_WORDS] = raw_call(
        hub, abi_encode(task, method_id=VIEW_TASK), max_outsize=32 * TASK_WORDS, is_static_call=True
    )
    assert convert(slice(answer, 32, 32), uint256) == COMPLETED, "callback.1: the task is not completed"
    assert convert(slice(answer, 32 * DIGEST_WORD, 32), bytes32) == digest, "callback.2: these are other data"
    return convert(slice(answer, 32 * DEAL_WORD, 32), bytes32)


@view
@internal
def _check_deal(deal: bytes32, app: address, dataset: address) -> address:
    # Return the deal's callback contract; zero for none.
    parts: (address, address, uint256, address, address, uint256, address, address, uint256) = (
        staticcall Hub(hub).viewDealABILegacy_pt1(deal)
    )
    assert parts[0] == app, "callback.3: the deal is about another app"
    assert dataset == empty(address) or parts[3] == dataset, "callback.3: the deal is about another dataset"
    terms: (uint256, bytes32, address, address, address) = staticcall Hub(hub).viewDealABILegacy_pt2(deal)
    assert convert(terms[1], uint256) & TEE != 0, "callback.4: the deal asked for no enclave"
    assert staticcall Hub(hub).teebroker() == judge or parts[7] == judge, "callback.4: another judge decides"
    return terms[4]
