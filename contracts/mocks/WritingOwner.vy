# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title WritingOwner: a test double for an account with code that would change something while it is asked
@license Apache-2.0
@notice It says yes to everything and counts how often it was asked, which nobody may who is asked through ERC-1271. Tests only.
@custom:kill Nothing to switch off: tests only.
"""

ACCEPTED: constant(bytes4) = 0x1626ba7e

asked: public(uint256)


@external
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    """
    @notice ERC-1271, but for its promise to change nothing.
    @param digest Not looked at.
    @param signature Not looked at.
    @return The magic value.
    """
    self.asked += 1
    return ACCEPTED
