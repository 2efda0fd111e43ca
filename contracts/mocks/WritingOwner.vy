# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title WritingOwner: a test double for an account with code that writes during ERC-1271
@license Apache-2.0
@notice Accepts everything and counts its calls, which ERC-1271 does not allow. Tests only.
@custom:kill Nothing to stop: tests only.
"""

ACCEPTED: constant(bytes4) = 0x1626ba7e

calls: public(uint256)


@external
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    """
    @notice ERC-1271, except that it writes to storage.
    @param digest Ignored.
    @param signature Ignored.
    @return The magic value.
    """
    self.calls += 1
    return ACCEPTED
