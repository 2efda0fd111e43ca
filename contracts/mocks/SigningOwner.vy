# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title SigningOwner: a test double for an account with code that owns a workerpool
@license Apache-2.0
@notice It accepts, by ERC-1271, whatever its operator announced before; it can be told to answer badly. Tests only.
@custom:kill Nothing to switch off: tests only.
"""

ACCEPTED: constant(bytes4) = 0x1626ba7e

approved: public(HashMap[bytes32, bool])


@external
def approve(digest: bytes32):
    """
    @notice Accept a digest from now on. Anyone may call this: it is a test double.
    @param digest The digest.
    """
    self.approved[digest] = True


@view
@external
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    """
    @notice ERC-1271.
    @param digest The digest.
    @param signature Not looked at, but for one word: "revert" makes this revert with what would be a yes.
    @return The magic value for what was approved.
    """
    if signature == b"revert":
        raw_revert(abi_encode(ACCEPTED))
    return ACCEPTED if self.approved[digest] else 0xffffffff
