# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title AnswerReceiver: an example of a contract that acts on an enclave's result
@license Apache-2.0
@notice Stores the answer of each task of one app over one dataset. It accepts PoCo's callback (EIP-1154), whose data
        requester and worker can read before the payment, and a deferred callback, which anyone may deliver.
@dev Start your own contract from this one: replace the body of `_accept`.
@custom:kill Nothing to stop: it holds no money. Deploy a new one for another app or dataset.
"""
from ..lib import deferred_callback

initializes: deferred_callback
exports: (deferred_callback.hub, deferred_callback.broker, deferred_callback.gate)


event AnswerAccepted:
    task: indexed(bytes32)
    data: Bytes[deferred_callback.MAX_DATA]


app: public(immutable(address))
dataset: public(immutable(address))
answers: public(HashMap[bytes32, Bytes[deferred_callback.MAX_DATA]])


@deploy
def __init__(poco: address, judge: address, trusted_app: address, trusted_dataset: address):
    """
    @param poco PoCo's hub.
    @param judge The TeeBroker that the hub asks, or on a hub without one the PoolGate that owns the pool.
    @param trusted_app The app whose answers are accepted.
    @param trusted_dataset The dataset that the deal must name; zero for any.
    """
    deferred_callback.__init__(poco, judge, judge)
    app = trusted_app
    dataset = trusted_dataset


@external
def deliver(task: bytes32, result: bytes32, salt: bytes32, data: Bytes[deferred_callback.MAX_DATA]):
    """
    @notice Accept the data of a deferred callback, from any sender.
    @param task The completed task.
    @param result Digest of its sealed result and receipt.
    @param salt The salt of the commitment, from the opened result.
    @param data The callback data, from the opened result; empty if the app failed.
    """
    deferred_callback._check_delivery(task, result, salt, data, app, dataset)
    self._accept(task, data)


@external
def receiveResult(task: bytes32, data: Bytes[deferred_callback.MAX_DATA]):
    """
    @notice EIP-1154: accept the data of a plain callback from PoCo. PoCo's gas (100,000) can be too little, since a
            worker chooses the length of the task's results; then anyone may repeat the call.
    @param task The completed task.
    @param data The data that the app published; empty if the app failed.
    """
    deal: bytes32 = deferred_callback._check_completed(task, keccak256(data))
    callback: address = empty(address)
    requester: address = empty(address)
    callback, requester = deferred_callback._check_deal(deal, app, dataset)
    assert callback == self, "AnswerReceiver: the deal calls back another contract"
    self._accept(task, data)


@internal
def _accept(task: bytes32, data: Bytes[deferred_callback.MAX_DATA]):
    assert len(data) > 0, "AnswerReceiver: the app failed"
    assert len(self.answers[task]) == 0, "AnswerReceiver: this task's answer is here already"
    self.answers[task] = data
    log AnswerAccepted(task=task, data=data)
