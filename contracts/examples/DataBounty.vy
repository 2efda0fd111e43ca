# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title DataBounty: an example of a contract that pays stations for good data only
@license Apache-2.0
@notice Anyone funds it with ether. It pays `reward` wei to the station of each round of a DataFeed whose window began
        within a period and whose Data Quality Factor is at least 80, once each. Anyone may claim for a station.
@dev The feed decides which app, model, judge and stations count; this contract trusts it. A station's money goes to its
     key's address. Two stations that one person registered are paid twice: that is the feed's owner's decision.
@custom:kill Its funder takes back what is left once the period and the time to claim are over.
"""


interface Feed:
    def round_of(station: address, window: uint256) -> Round: view
    def window_seconds() -> uint256: view


struct Round:
    round_id: uint80
    station: address
    window_start: uint256
    window_end: uint256
    dqf: uint256
    reason: uint256
    data: bytes25
    task: bytes32
    accepted: uint256


event Rewarded:
    station: indexed(address)
    window: indexed(uint256)
    dqf: uint256


LEAST_DQF: constant(uint256) = 80

feed: public(immutable(address))
reward: public(immutable(uint256))
# @notice Windows that begin at or after this time, in Unix seconds, are paid for.
begin: public(immutable(uint256))
# @notice Windows that begin before this time are paid for.
end: public(immutable(uint256))
# @notice The funder may take back what is left from this time on.
last_claim: public(immutable(uint256))
funder: public(immutable(address))
# 256 windows a slot: a station's claims of consecutive windows mostly change a slot that is not zero.
_paid: HashMap[address, HashMap[uint256, uint256]]


@deploy
@payable
def __init__(feed_: address, reward_: uint256, begin_: uint256, end_: uint256, last_claim_: uint256):
    """
    @notice The deployer is the funder.
    @param feed_ A DataFeed.
    @param reward_ Wei for each good window.
    @param begin_ Windows that begin at or after this time are paid for.
    @param end_ Windows that begin before this time are paid for.
    @param last_claim_ From then on the funder may take back what is left.
    """
    assert begin_ < end_ and end_ <= last_claim_, "bounty: the times are in no order"
    assert staticcall Feed(feed_).window_seconds() > 0, "bounty: no feed"
    feed = feed_
    reward = reward_
    begin = begin_
    end = end_
    last_claim = last_claim_
    funder = msg.sender


@external
@payable
def __default__():
    """
    @notice Take ether for rewards.
    """
    pass


@external
def claim(station: address, window: uint256):
    """
    @notice Pay a station for a window, once. Anyone may call this.
    @param station The station.
    @param window The window's number: its start divided by the feed's window_seconds.
    """
    found: Round = staticcall Feed(feed).round_of(station, window)
    assert begin <= found.window_start and found.window_start < end, "bounty: not a window of this bounty"
    assert found.dqf >= LEAST_DQF, "bounty: the data are not good enough"
    bit: uint256 = 1 << (window & 255)
    paid: uint256 = self._paid[station][window >> 8]
    assert paid & bit == 0, "bounty: this window is paid"
    self._paid[station][window >> 8] = paid | bit
    log Rewarded(station=station, window=window, dqf=found.dqf)
    raw_call(station, b"", value=reward)


@external
def take_back():
    """
    @notice Return what is left to the funder, after the last time to claim.
    """
    assert block.timestamp >= last_claim, "bounty: stations may still claim"
    raw_call(funder, b"", value=self.balance)


@view
@external
def is_paid(station: address, window: uint256) -> bool:
    """
    @notice Return whether a window of a station was paid.
    @param station The station.
    @param window The window's number.
    @return Whether it was.
    """
    return self._paid[station][window >> 8] & (1 << (window & 255)) != 0
