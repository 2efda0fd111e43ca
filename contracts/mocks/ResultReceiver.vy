# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title ResultReceiver: a test double for a callback contract (EIP-1154)
@license Apache-2.0
@notice Stores the data of each callback, from any caller. Tests only.
@custom:kill Nothing to stop: tests only.
"""

results: public(HashMap[bytes32, Bytes[64]])
called: public(HashMap[bytes32, bool])


@external
def receiveResult(task: bytes32, data: Bytes[64]):
    """
    @notice EIP-1154.
    @param task The completed task.
    @param data The data that the app published; empty if the app failed.
    """
    self.called[task] = True
    self.results[task] = data
