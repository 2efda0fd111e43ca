# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title ownable: one owner per contract, transferred in two steps
@license Apache-2.0
@notice The owner proposes a new owner, who must accept. A transfer to a mistyped address therefore changes nothing: the
        owner proposes another address, or address zero to cancel.
@dev The owner and the event of a change follow ERC-173. Its one-step `transferOwnership` does not exist here.
"""

# @notice The account that may call the functions reserved for the owner; zero once ownership was renounced.
owner: public(address)
# @notice The account that may accept ownership; zero while no transfer is open.
pending_owner: public(address)


event OwnershipTransferStarted:
    previous_owner: indexed(address)
    new_owner: indexed(address)


event OwnershipTransferred:
    previous_owner: indexed(address)
    new_owner: indexed(address)


@deploy
def __init__():
    """
    @notice The deployer becomes the owner.
    """
    self.owner = msg.sender
    log OwnershipTransferred(previous_owner=empty(address), new_owner=msg.sender)


@external
def transfer_ownership(new_owner: address):
    """
    @notice Propose a new owner. The present owner stays in office until the proposal is accepted; a later proposal
            replaces an earlier one.
    @param new_owner The proposed owner; zero cancels an open proposal.
    """
    self._check_owner()
    self.pending_owner = new_owner
    log OwnershipTransferStarted(previous_owner=msg.sender, new_owner=new_owner)


@external
def accept_ownership():
    """
    @notice Become the owner; only the proposed owner may call this.
    """
    assert msg.sender == self.pending_owner, "ownable: not the proposed owner"
    self.pending_owner = empty(address)
    self._set_owner(msg.sender)


@external
def renounce_ownership():
    """
    @notice Leave the contract without an owner for ever. An open proposal ends.
    """
    self._check_owner()
    self.pending_owner = empty(address)
    self._set_owner(empty(address))


@view
@internal
def _check_owner():
    assert msg.sender == self.owner, "ownable: caller is not the owner"


@internal
def _set_owner(new_owner: address):
    log OwnershipTransferred(previous_owner=self.owner, new_owner=new_owner)
    self.owner = new_owner
