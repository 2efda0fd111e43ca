# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title ResultReceiver: a test double for a contract that wants results called back (EIP-1154)
@license Apache-2.0
@notice It keeps what PoCo's hub, or anybody else, tells it about a task. Tests only.
@custom:kill Nothing to switch off: tests only.
"""

results: public(HashMap[bytes32, Bytes[64]])
called: public(HashMap[bytes32, bool])


@external
def receiveResult(task: bytes32, data: Bytes[64]):
    """
    @notice EIP-1154.
    @param task The task that ended.
    @param data What its app published; no bytes at all when the app failed.
    """
    self.called[task] = True
    self.results[task] = data
