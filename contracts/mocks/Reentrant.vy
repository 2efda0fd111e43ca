# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Reentrant: a test double that calls another contract during PoCo's callback
@license Apache-2.0
@notice Target and calldata are set beforehand; it records whether the call succeeded. Tests only.
@custom:kill Nothing to stop: tests only.
"""

target: address
data: Bytes[1024]

called: public(bool)
succeeded: public(bool)


@external
def prepare(target: address, data: Bytes[1024]):
    """
    @notice Set the call that the callback makes.
    @param target The contract.
    @param data The calldata.
    """
    self.target = target
    self.data = data


@external
def receiveResult(task: bytes32, data: Bytes[64]):
    """
    @notice EIP-1154.
    @param task The completed task.
    @param data The data that the app published.
    """
    self.called = True
    self.succeeded = raw_call(self.target, self.data, revert_on_failure=False)
