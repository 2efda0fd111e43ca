# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Token: replacement for iExec's RLC on a local chain
@license Apache-2.0
@notice ERC-20 with nine decimals and `approveAndCall`, which deposits into PoCo's escrow in one transaction. The
        deployer receives the whole supply.
@custom:kill Nothing to stop: a local chain is wiped.
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
    @param supply The total supply, in 10^-9 RLC; it never changes.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log IERC20.Transfer(sender=empty(address), receiver=msg.sender, value=supply)


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Transfer tokens of the caller.
    @param to The receiver.
    @param amount The amount, in 10^-9 RLC.
    @return Always true; a failure reverts.
    """
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Transfer tokens within the caller's allowance.
    @param owner The account that approved the caller.
    @param to The receiver.
    @param amount The amount, in 10^-9 RLC.
    @return Always true; a failure reverts.
    """
    assert self.allowance[owner][msg.sender] >= amount, "Token: the allowance is too small"
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow another account to transfer tokens of the caller.
    @param spender The account.
    @param amount The allowance, in 10^-9 RLC.
    @return Always true.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
def approveAndCall(spender: address, amount: uint256, data: Bytes[MAX_DATA]) -> bool:
    """
    @notice Approve a contract and call its `receiveApproval`, in one transaction.
    @param spender The contract.
    @param amount The allowance, in 10^-9 RLC.
    @param data Passed on to the contract.
    @return Always true; a refusal by the contract reverts.
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
