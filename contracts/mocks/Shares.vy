# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Shares: a test double for a token with configurable faults
@license Apache-2.0
@notice Has balances; `balanceOf` can be set to revert, to burn all gas or to return nothing. Tests only.
@custom:kill Nothing to stop: tests only.
"""

FAIL: constant(uint256) = 1
BURN: constant(uint256) = 2
SILENT: constant(uint256) = 3

balances: HashMap[address, uint256]
fault: public(uint256)


@external
def set_balance(account: address, amount: uint256):
    """
    @notice Set a balance.
    @param account The account.
    @param amount The balance.
    """
    self.balances[account] = amount


@external
def set_fault(fault: uint256):
    """
    @notice Set the fault of balanceOf.
    @param fault 0 for none; 1 reverts with a large number; 2 burns all gas; 3 returns nothing.
    """
    self.fault = fault


@view
@external
@raw_return
def balanceOf(account: address) -> Bytes[32]:
    """
    @notice ERC-20 and ERC-721.
    @param account The account.
    @return The balance, unless a fault is set.
    """
    if self.fault == FAIL:
        raw_revert(abi_encode(max_value(uint256)))
    if self.fault == BURN:
        for i: uint256 in range(10_000_000):
            assert self.balances[convert(convert(i, uint160), address)] != max_value(uint256)
    if self.fault == SILENT:
        return b""
    return abi_encode(self.balances[account])
