# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title AccessPolicy: accounts that may use an asset, by grant or by token balance
@license Apache-2.0
@notice An asset's owner names this contract in an order's `requesterrestrict`. At each match of that order PoCo calls
        it, through ERC-734, to check that the requester is a member of the group. The first rule that applies decides:
        a revoked account may not use the asset; an account with a grant may, until the grant ends; an account with
        enough of the token may, while it holds them.
@dev PoCo checks membership at the match only. docs/protocol/access.md describes the limits of a revocation.
@custom:kill The owner revokes every grant and admits no holders; then no account may use the asset.
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


# PoCo's purpose of a group member (SignatureVerifier.GROUPMEMBER_PURPOSE).
GROUP_MEMBER: constant(uint256) = 4
# Enough for a balance behind a proxy; limits the gas of the matcher that a hostile token can spend.
BALANCE_GAS: constant(uint256) = 100_000

# @notice When an account's grant ends, in Unix seconds; zero without a grant.
granted_until: public(HashMap[address, uint256])
# @notice Accounts that were revoked and not granted again; the token does not admit them.
revoked: public(HashMap[address, bool])
# @notice The token (ERC-20 or ERC-721) whose holders may use the asset; zero for none.
token: public(address)
# @notice The balance that admits a holder: the token's smallest units, or a number of NFTs.
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
    @notice Admit no account; the deployer becomes the owner.
    """
    ownable.__init__()


@external
def grant(account: address, until: uint256):
    """
    @notice Let an account use the asset until a time. Replaces an earlier grant or revocation.
    @param account The account.
    @param until The first second at which the grant no longer holds, in Unix time.
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
    @notice Deny an account the asset, even if it holds the token. Deals that were matched before stay.
    @param account The account.
    """
    ownable._check_owner()
    self.granted_until[account] = 0
    self.revoked[account] = True
    log Revoked(account=account)


@external
def admit_holders(token: address, minimum: uint256):
    """
    @notice Admit every account with at least a minimum balance of a token. Replaces the previous token.
    @param token An ERC-20 or ERC-721; zero admits no holders.
    @param minimum The balance that admits a holder.
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
    @notice ERC-734, as PoCo calls it: return whether an account is a member of the group.
    @param key The account's address, left-padded with zeros to 32 bytes.
    @param purpose 4 for a group member; any other purpose returns false.
    @return Whether the account may use the asset now.
    """
    number: uint256 = convert(key, uint256)
    if purpose != GROUP_MEMBER or number > convert(max_value(uint160), uint256):
        return False
    return self._allows(convert(convert(number, uint160), address))


@view
@external
def allows(account: address) -> bool:
    """
    @notice Return whether an account may use the asset now.
    @param account The account.
    @return The answer that `keyHasPurpose` gives PoCo.
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
    # A token that reverts or returns no word admits no holder.
    return success and len(answer) == 32 and convert(answer, uint256) >= self.minimum
