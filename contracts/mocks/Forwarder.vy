# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Forwarder: a test double for a smart account or a multicall through which somebody calls the hub
@license Apache-2.0
@notice It sends calldata on, in front of and behind bytes of its own. It can also hold calldata from an earlier
        transaction, so that the one that makes the deal does not have them. Tests only.
@custom:kill Nothing to switch off: tests only.
"""

kept: Bytes[16384]


@external
def forward(first: bytes32, target: address, data: Bytes[16384], last: Bytes[1024]):
    """
    @notice Call a contract.
    @param first Not looked at.
    @param target The contract.
    @param data Its calldata.
    @param last Not looked at.
    """
    raw_call(target, data)


@external
def keep(data: Bytes[16384]):
    """
    @notice Hold calldata for later.
    @param data The calldata.
    """
    self.kept = data


@external
def forward_kept(target: address):
    """
    @notice Call a contract with the calldata that were given earlier.
    @param target The contract.
    """
    raw_call(target, self.kept)
