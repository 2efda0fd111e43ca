# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title OddGroup: a test double for a group (ERC-734) with configurable, also invalid, answers
@license Apache-2.0
@notice Tests only.
@custom:kill Nothing to stop: tests only.
"""

flag Answer:
    YES  # to the hub alone
    REVERT
    TWO  # a word that is not a bool
    SHORT  # one byte
    LONG  # true, followed by another word
    WRITE  # true, after a write to storage

GROUP_MEMBER: constant(uint256) = 4
HUB: immutable(address)

answers: public(HashMap[address, Answer])
writes: public(uint256)


@deploy
def __init__(hub: address):
    """
    @notice A group without members.
    @param hub The caller for which YES is true.
    """
    HUB = hub


@external
def set_answer(account: address, answer: Answer):
    """
    @notice Set the answer for an account. Anyone may call this: it is a test double.
    @param account The account.
    @param answer The answer; none of the flags returns false.
    """
    self.answers[account] = answer


@raw_return
@external
def keyHasPurpose(key: bytes32, purpose: uint256) -> Bytes[64]:
    """
    @notice ERC-734, with the configured answer.
    @param key The account, left-padded with zeros.
    @param purpose 4 for a group member; any other purpose returns false.
    @return The configured answer.
    """
    answer: Answer = self.answers[convert(convert(key, uint256), address)]
    yes: Bytes[32] = abi_encode(convert(1, uint256))
    if purpose != GROUP_MEMBER:
        return abi_encode(convert(0, uint256))
    if answer == Answer.YES:
        return abi_encode(msg.sender == HUB)
    if answer == Answer.REVERT:
        raise "OddGroup: set to revert"
    if answer == Answer.TWO:
        return abi_encode(convert(2, uint256))
    if answer == Answer.SHORT:
        return b"\x01"
    if answer == Answer.LONG:
        return concat(yes, yes)
    if answer == Answer.WRITE:
        self.writes += 1
        return yes
    return abi_encode(convert(0, uint256))
