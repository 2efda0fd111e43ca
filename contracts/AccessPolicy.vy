# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title AccessPolicy: who may use an asset, and until when
@license Apache-2.0
@notice An asset's owner names this contract in an order's `requesterrestrict`; PoCo then asks it, through ERC-734,
        whether a requester belongs to the group, whenever somebody tries to match that order. Three rules, the first
        that applies decides: who was revoked may not; who was granted may, until the grant ends; who holds enough of
        the token may, for as long as they hold it.
@dev PoCo asks at the match only. What a revocation therefore cannot reach, docs/protocol/access.md says.
@custom:kill The owner revokes everyone and admits no holders: nobody may use the asset then.
"""
from .lib import ownable

initializes: ownable
exports: (
    ownable.owner,
    ownable.pending_owner,
    ownable.transfer_ownership,
    ownable.accept_ownership,
    ownable.renounce_ownership,
)


# The purpose by which PoCo asks for members of a group (SignatureVerifier.GROUPMEMBER_PURPOSE).
GROUP_MEMBER: constant(uint256) = 4
# Enough for a balance behind a proxy, too little for a hostile token to spend a matcher's gas.
BALANCE_GAS: constant(uint256) = 100_000

# @notice When an account's grant ends, in Unix seconds; zero for who has none.
granted_until: public(HashMap[address, uint256])
# @notice Who was revoked and not granted again: holding the token does not help them.
revoked: public(HashMap[address, bool])
# @notice The token (ERC-20 or ERC-721) whose holders may use the asset; zero for none.
token: public(address)
# @notice How much of the token is enough: its smallest units, or a number of NFTs.
minimum: public(uint256)


event Granted:
    account: indexed(address)
    until: uint256


event Revoked:
    account: indexed(address)


event HoldersAdmitted:
    token: indexed(address)
    minimum: uint256


@deploy
def __init__():
    """
    @notice Begin with nobody; the deployer owns the policy.
    """
    ownable.__init__()


@external
def grant(account: address, until: uint256):
    """
    @notice Let an account use the asset until a time; an earlier grant or revocation is replaced.
    @param account Who may.
    @param until The first second at which it may no longer, in Unix time.
    """
    ownable._check_owner()
    assert account != empty(address), "AccessPolicy: address zero uses nothing"
    assert until > block.timestamp, "AccessPolicy: that time has passed"
    self.granted_until[account] = until
    self.revoked[account] = False
    log Granted(account=account, until=until)


@external
def revoke(account: address):
    """
    @notice Let an account make no more deals for the asset, whatever it holds.
    @param account Who may not.
    """
    ownable._check_owner()
    self.granted_until[account] = 0
    self.revoked[account] = True
    log Revoked(account=account)


@external
def admit_holders(token: address, minimum: uint256):
    """
    @notice Let everyone use the asset who holds enough of a token, now and whenever they ask; replaces the last rule.
    @param token An ERC-20 or ERC-721; zero admits no holders.
    @param minimum How much is enough.
    """
    ownable._check_owner()
    assert token == empty(address) or token.is_contract, "AccessPolicy: the token has no code"
    assert token == empty(address) or minimum != 0, "AccessPolicy: a minimum of 0 admits everyone"
    self.token = token
    self.minimum = minimum
    log HoldersAdmitted(token=token, minimum=minimum)


@view
@external
def keyHasPurpose(key: bytes32, purpose: uint256) -> bool:
    """
    @notice ERC-734, as PoCo asks it: whether an account is a member of the group.
    @param key The account's address, left-padded with zeros to 32 bytes.
    @param purpose 4 for members of a group; nothing here has another.
    @return Whether it may use the asset now.
    """
    number: uint256 = convert(key, uint256)
    if purpose != GROUP_MEMBER or number > convert(max_value(uint160), uint256):
        return False
    return self._allows(convert(convert(number, uint160), address))


@view
@external
def allows(account: address) -> bool:
    """
    @notice Whether an account may use the asset now.
    @param account Its address.
    @return What PoCo would be told of it.
    """
    return self._allows(account)


@view
@internal
def _allows(account: address) -> bool:
    if account == empty(address) or self.revoked[account]:
        return False
    return block.timestamp < self.granted_until[account] or self._holds_enough(account)


@view
@internal
def _holds_enough(account: address) -> bool:
    if self.token == empty(address):
        return False
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        self.token,
        abi_encode(account, method_id=method_id("balanceOf(address)")),
        max_outsize=32,
        gas=BALANCE_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    # A token that fails or answers nothing admits nobody.
    return success and len(answer) == 32 and convert(answer, uint256) >= self.minimum
