# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title signatures: who signed, in one form only
@license Apache-2.0
@notice Stricter than PoCo itself, which also takes EIP-2098's short form: 65 bytes, v 27 or 28, low s.
"""

# Half of secp256k1's group order: above it, every signature has a second form (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
# The longest word that a pool's owner with code is handed.
MAX_WORD: constant(uint256) = 1024
# The selector of isValidSignature(bytes32,bytes), which is also its yes (ERC-1271).
ACCEPTED: constant(bytes4) = 0x1626ba7e
REFUSED: constant(bytes4) = 0xffffffff


@pure
@internal
def _recover(digest: bytes32, signature: Bytes[65]) -> address:
    # Zero says that nobody signed.
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
def _signed(account: address, digest: bytes32, word: Bytes[MAX_WORD]) -> bool:
    # As PoCo's SignatureVerifier: an account with code answers for itself, whatever key it may also have.
    if account == empty(address):
        return False
    if not account.is_contract:
        return len(word) == 65 and self._recover(digest, slice(word, 0, 65)) == account
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        account,
        abi_encode(digest, word, method_id=ACCEPTED),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == convert(ACCEPTED, bytes32)
