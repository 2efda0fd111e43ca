# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title DataFeed: data quality of sensor readings, as scored by one app over one model inside an enclave
@license Apache-2.0
@notice Each round says how far the readings of one station in one window of time can be trusted: a Data Quality Factor
        from 0 to 100. Read it as Chainlink's AggregatorV3, by station, or by event. A round is accepted only after:

        (feed.1) PoCo's hub calls back; or the hub stores these data for the completed task (`pull`); or they fit the
                 completed task's commitment, (callback.1) and (callback.2) (`deliver`).
        (feed.2) The data have this contract's format and name the deal and the index of this very task.
        (feed.3) The deal calls back this contract; after a deferred callback, none.
        (feed.4) The deal uses this app over this dataset, asked for an enclave, and a judge that this contract trusts
                 checked the proof: (callback.3), (callback.4). If the feed names a requester, the deal is its.
        (feed.5) The app verified the signatures of the readings against the present roster of stations, and the
                 station is one of them.
        (feed.6) The window has ended.
        (feed.7) The station has no round of this window yet: the first one stays.

        Rounds may arrive in any order. A late round fills its place and never replaces a newer one as the latest.
@dev Callback data, 128 bytes: deal, digest that the station signed, roster, and one word of version (8 bits), index
     (32), station (160), window (40), DQF (8), reason (8). A round is two slots: digest (200 bits of 256), time of
     acceptance (40), DQF (8), reason (8); and the task. Station and window are its key. PoCo calls with 100,000 gas
     (Arbitrum: 200,000) and ignores a failure, so whatever it could not write is pulled. docs/protocol/feed.md.
@custom:kill Nothing to stop: it holds no money. Its owner can replace each station's key; readers see stale data.
"""
from .lib import deferred_callback
from .lib import ownable

initializes: ownable
initializes: deferred_callback
exports: (
    ownable.owner,
    ownable.pending_owner,
    ownable.transfer_ownership,
    ownable.accept_ownership,
    ownable.renounce_ownership,
    deferred_callback.hub,
    deferred_callback.broker,
    deferred_callback.gate,
)


interface Hub:
    # The callback data of a completed task; reverts for any other task.
    def resultFor(task: bytes32) -> Bytes[DATA]: view


interface App:
    def m_appChecksum() -> bytes32: view


interface Dataset:
    def m_datasetChecksum() -> bytes32: view


struct Round:
    round_id: uint80
    station: address
    window_start: uint256  # Unix seconds
    window_end: uint256
    dqf: uint256
    reason: uint256
    data: bytes25  # the first 25 bytes of the EIP-712 digest that the station signed
    task: bytes32
    accepted: uint256  # Unix seconds


struct StoredRound:
    packed: uint256
    task: bytes32


event StationRegistered:
    station: indexed(address)
    number: uint256
    sensor: String[MAX_NAME]
    roster: bytes32


event RoundAccepted:
    station: indexed(address)
    window_start: indexed(uint256)
    task: indexed(bytes32)
    dqf: uint256
    reason: uint256
    data: bytes32
    late: bool


DATA: constant(uint256) = 128
BYTE: constant(uint256) = 2**8 - 1
MAX_INDEX: constant(uint256) = 2**32 - 1
MAX_ADDRESS: constant(uint256) = 2**160 - 1
VERSION: constant(uint256) = 1
MAX_DQF: constant(uint256) = 100
REASONS: constant(uint256) = 7  # none, point, contextual, collective, stuck, missing, late
MAX_STATIONS: constant(uint256) = 65535
MAX_NAME: constant(uint256) = 200
MAX_WINDOW: constant(uint256) = 2**40 - 1  # also a bound of the seconds of a window and of a time

# @notice The app whose answers are accepted, and the model that it must use.
app: public(immutable(address))
dataset: public(immutable(address))
# @notice Checksums of both as registered with iExec; neither can change.
app_checksum: public(immutable(bytes32))
dataset_checksum: public(immutable(bytes32))
# @notice The account whose deals are accepted; zero for any account's.
requester: public(immutable(address))
# @notice Seconds of a window; window n begins at n times this.
window_seconds: public(immutable(uint256))
# @notice Seconds after the end of a window from which its round is stale, or late when it arrives.
stale_after: public(immutable(uint256))

# @notice Hash of every registration so far, in their order. The app computes the same from its input.
roster: public(bytes32)
# @notice How many stations were registered; they are numbered from 1.
station_count: public(uint256)
# @notice The station with a number.
station_at: public(HashMap[uint256, address])
# Latest window (from bit 16) and number (16 bits) of each station.
_stations: HashMap[address, uint256]
# The round with the newest window of all stations.
_latest: uint256
# By round id: the station's number (from bit 64) and the window.
_rounds: HashMap[uint256, StoredRound]


@deploy
def __init__(
    hub_: address,
    broker_: address,
    gate_: address,
    app_: address,
    dataset_: address,
    requester_: address,
    window_seconds_: uint256,
    stale_after_: uint256,
):
    """
    @notice The deployer becomes the owner, who registers stations.
    @param hub_ PoCo's hub; it must have code.
    @param broker_ The TeeBroker to trust where the hub has a teebroker; zero for none.
    @param gate_ The PoolGate to trust where the hub has no teebroker; zero for none, but not both.
    @param app_ The app, registered with iExec.
    @param dataset_ The model, registered with iExec.
    @param requester_ The account whose deals are accepted; zero for any account's.
    @param window_seconds_ Seconds of a window.
    @param stale_after_ Seconds after which a round is stale.
    """
    assert hub_.is_contract, "feed: the hub has no code"
    assert broker_ != empty(address) or gate_ != empty(address), "feed: name a broker or a gate"
    assert 0 < window_seconds_ and window_seconds_ <= MAX_WINDOW, "feed: a window has no length, or too much"
    assert stale_after_ <= MAX_WINDOW, "feed: too long a time until data are stale"
    ownable.__init__()
    deferred_callback.__init__(hub_, broker_, gate_)
    app = app_
    dataset = dataset_
    app_checksum = staticcall App(app_).m_appChecksum()
    dataset_checksum = staticcall Dataset(dataset_).m_datasetChecksum()
    requester = requester_
    window_seconds = window_seconds_
    stale_after = stale_after_
    self.roster = keccak256(abi_encode(chain.id, self))
    self._latest = 1 << 64  # no round; a slot that is not zero, since the first callback too has little gas


@external
def register(station: address, sensor: String[MAX_NAME]):
    """
    @notice Let a key sign the readings of a sensor, in place of its earlier key. Owner only. Answers that were computed
            with an earlier roster are refused from now on.
    @param station The address of the key; one that was never registered here.
    @param sensor The sensor's name in the model.
    """
    ownable._check_owner()
    assert station != empty(address) and self._stations[station] == 0, "feed: a station is registered once"
    number: uint256 = self.station_count + 1
    assert number <= MAX_STATIONS, "feed: no more stations"
    self.station_count = number
    self.station_at[number] = station
    self._stations[station] = number
    changed: bytes32 = keccak256(abi_encode(self.roster, keccak256(sensor), station))
    self.roster = changed
    log StationRegistered(station=station, number=number, sensor=sensor, roster=changed)


@external
def receiveResult(task: bytes32, data: Bytes[DATA]):
    """
    @notice EIP-1154: accept a round from PoCo.
    @param task The completed task.
    @param data The callback data of the app; empty if the app failed.
    """
    assert msg.sender == deferred_callback.hub, "feed.1: only the hub calls back; use pull"
    self._accept(task, data, self)


@external
def pull(task: bytes32):
    """
    @notice Accept the round of a completed task whose callback ran out of gas. Anyone may call this, with any gas.
    @param task The completed task.
    """
    self._accept(task, staticcall Hub(deferred_callback.hub).resultFor(task), self)


@external
def deliver(task: bytes32, result: bytes32, salt: bytes32, data: Bytes[DATA]):
    """
    @notice Accept the round of a deferred callback, from any sender.
    @param task The completed task.
    @param result Digest of its sealed result and receipt.
    @param salt The salt of the commitment, from the opened result.
    @param data The callback data, from the opened result.
    """
    deferred_callback._check_completed(task, deferred_callback._digest(result, salt, data))
    self._accept(task, data, empty(address))


@view
@external
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice AggregatorV3: the round with the newest window of all stations. Reverts while there is none.
    @return Its id, the DQF, the window's start, the window's end, the id again. The end stands for `updatedAt`, so a
            reader that refuses old rounds refuses old readings, whenever they were delivered.
    """
    return self._round_data(self._latest)


@view
@external
def getRoundData(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice AggregatorV3: a round by its id, the station's number times 2**64 plus the window. As with Chainlink's phases,
            ids of one station ascend with time and may have gaps; reverts for a round that is not here.
    @param round_id The round.
    @return As latestRoundData.
    """
    return self._round_data(convert(round_id, uint256))


@pure
@external
def decimals() -> uint8:
    """
    @notice AggregatorV3: a DQF is an integer.
    @return 0.
    """
    return 0


@pure
@external
def description() -> String[32]:
    """
    @notice AggregatorV3: what the answers are.
    @return A text.
    """
    return "Data Quality Factor, 0 to 100"


@pure
@external
def version() -> uint256:
    """
    @notice AggregatorV3: the version of this contract and of the callback data.
    @return 1.
    """
    return VERSION


@view
@external
def latest_round_of(station: address) -> Round:
    """
    @notice Return the round with the newest window of a station. Reverts while there is none.
    @param station The station.
    @return The round.
    """
    record: uint256 = self._stations[station]
    return self._round(self._round_id(record & MAX_STATIONS, record >> 16))


@view
@external
def round_of(station: address, window: uint256) -> Round:
    """
    @notice Return the round of a station's window. Reverts if it is not here.
    @param station The station.
    @param window The window's number: its start divided by window_seconds.
    @return The round.
    """
    assert window <= MAX_WINDOW, "feed: no such round"
    return self._round(self._round_id(self._stations[station] & MAX_STATIONS, window))


@view
@external
def round_at(round_id: uint80) -> Round:
    """
    @notice Return a round by its id. Reverts if it is not here.
    @param round_id The round.
    @return The round.
    """
    return self._round(convert(round_id, uint256))


@view
@external
def is_stale(station: address) -> bool:
    """
    @notice Return whether a station has no round whose window ended within the last stale_after seconds.
    @param station The station.
    @return True for stale data, and for none.
    """
    return self._is_overdue(self._window_end(self._stations[station] >> 16))


@view
@external
def number_of(station: address) -> uint256:
    """
    @notice Return a station's number.
    @param station The station.
    @return From 1; 0 for an address that was never registered.
    """
    return self._stations[station] & MAX_STATIONS


@internal
def _accept(task: bytes32, data: Bytes[DATA], target: address):
    assert len(data) == DATA, "feed.2: no round: the app failed, or the readings are not signed"
    deal: bytes32 = empty(bytes32)
    signed: bytes32 = empty(bytes32)
    verified_roster: bytes32 = empty(bytes32)
    word: uint256 = 0
    deal, signed, verified_roster, word = abi_decode(data, (bytes32, bytes32, bytes32, uint256))
    assert word >> 248 == VERSION, "feed.2: data of another version"
    assert keccak256(abi_encode(deal, (word >> 216) & MAX_INDEX)) == task, "feed.2: data of another task"
    callback: address = empty(address)
    buyer: address = empty(address)
    callback, buyer = deferred_callback._check_deal(deal, app, dataset)
    assert callback == target, "feed.3: the deal has another callback"
    assert requester == empty(address) or buyer == requester, "feed.4: the deal is another account's"
    assert verified_roster == self.roster, "feed.5: verified against another roster"
    station: address = convert((word >> 56) & MAX_ADDRESS, address)
    record: uint256 = self._stations[station]
    assert record != 0, "feed.5: no registered station signed this"
    self._store(task, signed, station, record, word)


@internal
def _store(task: bytes32, signed: bytes32, station: address, record: uint256, word: uint256):
    window: uint256 = (word >> 16) & MAX_WINDOW
    dqf: uint256 = (word >> 8) & BYTE
    reason: uint256 = word & BYTE
    end: uint256 = self._window_end(window)
    assert end <= block.timestamp, "feed.6: the window has not ended"
    assert dqf <= MAX_DQF and reason < REASONS, "feed.2: no DQF or no reason"
    number: uint256 = record & MAX_STATIONS
    round_id: uint256 = self._round_id(number, window)
    assert self._rounds[round_id].task == empty(bytes32), "feed.7: this window has its round"
    packed: uint256 = (convert(signed, uint256) >> 56 << 56) | (block.timestamp << 16) | (dqf << 8) | reason
    self._rounds[round_id] = StoredRound(packed=packed, task=task)
    if window > record >> 16:
        self._stations[station] = (window << 16) | number
    if window >= self._latest & MAX_WINDOW:
        self._latest = round_id
    log RoundAccepted(
        station=station,
        window_start=window * window_seconds,
        task=task,
        dqf=dqf,
        reason=reason,
        data=signed,
        late=self._is_overdue(end),
    )


@view
@internal
def _round(round_id: uint256) -> Round:
    stored: StoredRound = self._rounds[round_id]
    assert stored.task != empty(bytes32), "feed: no such round"
    window: uint256 = round_id & MAX_WINDOW
    return Round(
        round_id=convert(round_id, uint80),
        station=self.station_at[round_id >> 64],
        window_start=window * window_seconds,
        window_end=self._window_end(window),
        dqf=(stored.packed >> 8) & BYTE,
        reason=stored.packed & BYTE,
        data=convert(convert(stored.packed >> 56 << 56, bytes32), bytes25),
        task=stored.task,
        accepted=(stored.packed >> 16) & MAX_WINDOW,
    )


@view
@internal
def _round_data(round_id: uint256) -> (uint80, int256, uint256, uint256, uint80):
    found: Round = self._round(round_id)
    return found.round_id, convert(found.dqf, int256), found.window_start, found.window_end, found.round_id


@pure
@internal
def _round_id(number: uint256, window: uint256) -> uint256:
    return (number << 64) | window


@view
@internal
def _window_end(window: uint256) -> uint256:
    return (window + 1) * window_seconds


@view
@internal
def _is_overdue(end: uint256) -> bool:
    return block.timestamp > end + stale_after
