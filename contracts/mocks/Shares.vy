# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Shares: a test double for a token whose answers can be chosen
@license Apache-2.0
@notice It has balances, and can be told to fail, to burn all gas or to answer nothing. Tests only.
@custom:kill Nothing to switch off: tests only.
"""

FAIL: constant(uint256) = 1
BURN: constant(uint256) = 2
SILENT: constant(uint256) = 3

held: HashMap[address, uint256]
mood: public(uint256)


@external
def give(account: address, amount: uint256):
    """
    @notice Set a balance.
    @param account Whose.
    @param amount How much.
    """
    self.held[account] = amount


@external
def behave(mood: uint256):
    """
    @notice Choose how balanceOf answers.
    @param mood 0 rightly; 1 reverts with what would be a large balance; 2 burns all gas; 3 answers nothing.
    """
    self.mood = mood


@view
@external
@raw_return
def balanceOf(account: address) -> Bytes[32]:
    """
    @notice ERC-20 and ERC-721.
    @param account Whose balance.
    @return What it holds, or what its mood makes of that.
    """
    if self.mood == FAIL:
        raw_revert(abi_encode(max_value(uint256)))
    if self.mood == BURN:
        for i: uint256 in range(10_000_000):
            assert self.held[convert(convert(i, uint160), address)] != max_value(uint256)
    if self.mood == SILENT:
        return b""
    return abi_encode(self.held[account])
