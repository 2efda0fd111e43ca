# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title signatures: strict ECDSA recovery, and ERC-1271 for accounts with code
@license Apache-2.0
@notice A signature has one accepted form: 65 bytes, v 27 or 28, low s. PoCo also accepts the short form of EIP-2098.
"""

# Half of secp256k1's group order: above it, every signature has a second form (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
# The longest signature that is passed to an account with code.
MAX_SIGNATURE: constant(uint256) = 1024
# ERC-1271's magic value, which is also the selector of isValidSignature(bytes32,bytes).
ACCEPTED: constant(bytes4) = 0x1626ba7e
REFUSED: constant(bytes4) = 0xffffffff


@pure
@internal
def _recover(digest: bytes32, signature: Bytes[65]) -> address:
    # Return the signer; zero for an invalid signature.
    if len(signature) != 65:
        return empty(address)
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint8 = convert(slice(signature, 64, 1), uint8)
    if s > HALF_ORDER or (v != 27 and v != 28):
        return empty(address)
    return ecrecover(digest, v, r, s)


@view
@internal
def _is_signed_by(account: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bool:
    # As PoCo's SignatureVerifier: ERC-1271 for an account with code, even if it also has a key.
    if account == empty(address):
        return False
    if not account.is_contract:
        return len(signature) == 65 and self._recover(digest, slice(signature, 0, 65)) == account
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        account,
        abi_encode(digest, signature, method_id=ACCEPTED),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == convert(ACCEPTED, bytes32)
