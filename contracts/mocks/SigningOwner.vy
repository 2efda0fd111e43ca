# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title SigningOwner: a test double for an account with code that owns a workerpool
@license Apache-2.0
@notice Accepts approved digests by ERC-1271; one signature makes it revert. Tests only.
@custom:kill Nothing to stop: tests only.
"""

ACCEPTED: constant(bytes4) = 0x1626ba7e

approved: public(HashMap[bytes32, bool])


@external
def approve(digest: bytes32):
    """
    @notice Approve a digest. Anyone may call this: it is a test double.
    @param digest The digest.
    """
    self.approved[digest] = True


@view
@external
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    """
    @notice ERC-1271.
    @param digest The digest.
    @param signature Ignored, except "revert", which reverts with the magic value.
    @return The magic value for an approved digest.
    """
    if signature == b"revert":
        raw_revert(abi_encode(ACCEPTED))
    return ACCEPTED if self.approved[digest] else 0xffffffff
