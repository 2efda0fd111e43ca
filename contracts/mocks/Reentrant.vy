# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Reentrant: a test double that, while PoCo calls it back, calls somebody else
@license Apache-2.0
@notice Told beforehand whom to call and with what; it remembers whether that went through. Tests only.
@custom:kill Nothing to switch off: tests only.
"""

target: address
data: Bytes[1024]

called: public(bool)
succeeded: public(bool)


@external
def prepare(target: address, data: Bytes[1024]):
    """
    @notice Say what to do when called back.
    @param target Whom to call.
    @param data With what.
    """
    self.target = target
    self.data = data


@external
def receiveResult(task: bytes32, data: Bytes[64]):
    """
    @notice EIP-1154.
    @param task The task that ended.
    @param data What its app published.
    """
    self.called = True
    self.succeeded = raw_call(self.target, self.data, revert_on_failure=False)
