# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Forwarder: a test double for a smart account or multicall that calls the hub
@license Apache-2.0
@notice Forwards calldata that stand between other bytes. It can also store calldata in an earlier transaction, so that
        the transaction of the match does not hold them. Tests only.
@custom:kill Nothing to stop: tests only.
"""

stored: Bytes[16384]


@external
def forward(first: bytes32, target: address, data: Bytes[16384], last: Bytes[1024]):
    """
    @notice Call a contract.
    @param first Ignored.
    @param target The contract.
    @param data Its calldata.
    @param last Ignored.
    """
    raw_call(target, data)


@external
def store(data: Bytes[16384]):
    """
    @notice Store calldata.
    @param data The calldata.
    """
    self.stored = data


@external
def forward_stored(target: address):
    """
    @notice Call a contract with the stored calldata.
    @param target The contract.
    """
    raw_call(target, self.stored)
