# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Token: stands in for iExec's RLC on a local chain
@license Apache-2.0
@notice ERC-20 with nine decimals and `approveAndCall`, by which an account deposits into PoCo's escrow in one step.
        The deployer gets the whole supply.
@custom:kill Nothing to switch off: a local chain is wiped.
"""
from ethereum.ercs import IERC20

implements: IERC20


interface Spender:
    def receiveApproval(
        sender: address, amount: uint256, token: address, data: Bytes[MAX_DATA]
    ) -> bool: nonpayable


MAX_DATA: constant(uint256) = 16384

name: public(constant(String[10])) = "iExec RLC*"
symbol: public(constant(String[3])) = "RLC"
decimals: public(constant(uint8)) = 9

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(supply: uint256):
    """
    @param supply All there will ever be, in 10^-9 RLC.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log IERC20.Transfer(sender=empty(address), receiver=msg.sender, value=supply)


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Give tokens away.
    @param to Who gets them.
    @param amount How many, in 10^-9 RLC.
    @return Always true; a failure reverts.
    """
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Move tokens that their owner allowed the caller to move.
    @param owner Whose they are.
    @param to Who gets them.
    @param amount How many, in 10^-9 RLC.
    @return Always true; a failure reverts.
    """
    assert self.allowance[owner][msg.sender] >= amount, "Token: the allowance is too small"
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let another account move tokens of the caller.
    @param spender Who may.
    @param amount How many at most, in 10^-9 RLC.
    @return Always true.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
def approveAndCall(spender: address, amount: uint256, data: Bytes[MAX_DATA]) -> bool:
    """
    @notice Approve a contract and tell it so, in one transaction.
    @param spender The contract; it gets `receiveApproval`.
    @param amount How many it may move, in 10^-9 RLC.
    @param data Passed on unread.
    @return What the contract answered, which must be true.
    """
    self._approve(msg.sender, spender, amount)
    assert extcall Spender(spender).receiveApproval(msg.sender, amount, self, data), "Token: the spender refused"
    return True


@internal
def _approve(owner: address, spender: address, amount: uint256):
    self.allowance[owner][spender] = amount
    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
def _move(owner: address, to: address, amount: uint256):
    assert to != empty(address), "Token: nobody can own what address zero owns"
    assert self.balanceOf[owner] >= amount, "Token: the balance is too small"
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    log IERC20.Transfer(sender=owner, receiver=to, value=amount)
