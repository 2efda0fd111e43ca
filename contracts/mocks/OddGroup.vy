# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title OddGroup: a test double for a group (ERC-734) that answers as it was told, also as no group should
@license Apache-2.0
@notice Tests only.
@custom:kill Nothing to switch off: tests only.
"""

flag Manner:
    YES  # to the hub alone
    REVERT
    TWO  # a word that is no bool
    SHORT  # a byte
    LONG  # a yes with a word behind it
    WRITE  # a yes that changes something

GROUP_MEMBER: constant(uint256) = 4
HUB: immutable(address)

manner: public(HashMap[address, Manner])
asked: public(uint256)


@deploy
def __init__(hub: address):
    """
    @notice A group that nobody is a member of yet.
    @param hub Whom it answers.
    """
    HUB = hub


@external
def teach(account: address, manner: Manner):
    """
    @notice Say how to answer for an account from now on. Anyone may call this: it is a test double.
    @param account Who is asked about.
    @param manner How to answer; none says no.
    """
    self.manner[account] = manner


@raw_return
@external
def keyHasPurpose(key: bytes32, purpose: uint256) -> Bytes[64]:
    """
    @notice ERC-734, more or less.
    @param key The account, left-padded with zeros.
    @param purpose 4 for members; nothing here has another.
    @return What was taught.
    """
    manner: Manner = self.manner[convert(convert(key, uint256), address)]
    yes: Bytes[32] = abi_encode(convert(1, uint256))
    if purpose != GROUP_MEMBER:
        return abi_encode(convert(0, uint256))
    if manner == Manner.YES:
        return abi_encode(msg.sender == HUB)
    if manner == Manner.REVERT:
        raise "OddGroup: told to"
    if manner == Manner.TWO:
        return abi_encode(convert(2, uint256))
    if manner == Manner.SHORT:
        return b"\x01"
    if manner == Manner.LONG:
        return concat(yes, yes)
    if manner == Manner.WRITE:
        self.asked += 1
        return yes
    return abi_encode(convert(0, uint256))
