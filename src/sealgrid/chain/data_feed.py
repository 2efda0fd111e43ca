"""The DataFeed contract: data quality of stations' readings, on chain (docs/protocol/feed.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
from eth_abi.exceptions import DecodingError

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import NotFound
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest

_FEED = interface("DataFeed")
WINDOW_BITS: Final = 40
_MAX_SECONDS: Final = 2**WINDOW_BITS - 1  #: of a window, and until a round is stale
_MAX_DQF: Final = 100
FIRST_RANGE: Final = 10_000  #: blocks that are read first for registrations; many nodes answer no more at once
REASONS: Final = ("none", "point", "contextual", "collective", "stuck", "missing", "late")


class FeedTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed accepts; fixed at its deployment."""

    hub: Address
    broker: Address = ZERO_ADDRESS  #: trusted where the hub has a teebroker; zero for none
    gate: Address = ZERO_ADDRESS  #: trusted where it has none; zero for none, but not both
    app: Address
    dataset: Address
    requester: Address = ZERO_ADDRESS  #: whose deals count; zero for any account's
    window_seconds: int
    stale_after: int  #: seconds after the end of a window


class StationRegistration(msgspec.Struct, frozen=True):
    """One entry of a feed's roster."""

    sensor: str
    station: Address


class FeedRoster(msgspec.Struct, frozen=True):
    """Every registration of a feed, in their order; the app takes it in this form."""

    chain: int
    feed: Address
    stations: tuple[StationRegistration, ...]


@dataclass(frozen=True, slots=True)
class _RegistrationEvent:
    """A registration, and the block of its event."""

    block: int
    number: int  #: of the station, from 1
    station: Address
    sensor: str


class DataRound(msgspec.Struct, frozen=True):
    """One station's quality in one window."""

    station: Address
    start: int  #: Unix seconds
    end: int
    dqf: int
    reason: str
    signed: str  #: the first 25 bytes of the digest that the station signed, in hex
    task: TaskId
    accepted: int  #: Unix seconds
    stale: bool


class AcceptedRound(msgspec.Struct, frozen=True):
    """A round as its event tells it."""

    station: Address
    start: int  #: Unix seconds
    dqf: int
    reason: str
    task: TaskId
    late: bool  #: it arrived when it was stale


class FeedHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A feed at one block: its terms, its roster and all its rounds."""

    hub: Address
    app: Address
    dataset: Address
    requester: Address  #: zero for any account
    owner: Address
    window_seconds: int
    stale_after: int
    now: int  #: Unix seconds of the block
    roster: FeedRoster
    rounds: tuple[AcceptedRound, ...]  #: in the order of their arrival

    def is_stale(self, start: int) -> bool:
        """Return whether a round of the window that begins at ``start`` is stale, as the contract says it."""
        return self.now > start + self.window_seconds + self.stale_after


class DataFeed:
    """One DataFeed on one chain."""

    def __init__(self, node: Node, address: Address) -> None:
        self.node = node
        self.address = address

    @classmethod
    async def deploy(cls, wallet: Wallet, terms: FeedTerms) -> Self:
        """Deploy a feed without stations; the wallet becomes its owner."""
        code, abi = artifacts.bytecode("DataFeed"), artifacts.abi("DataFeed")
        arguments = msgspec.structs.astuple(terms)
        return cls(wallet.node, await wallet.deploy(code, abi, *arguments, action="Deploying the feed"))

    @classmethod
    async def find(cls, node: Node, most: int, *, skip: int = 0) -> tuple[Address, ...]:
        """Return contracts on a chain with stations and the code of this version, newest first, after ``skip`` of them.

        They are at most ``most``. Anyone can deploy one.
        """
        logs = await node.logs([], [_FEED.topic("StationRegistered")], first=0, last=(await node.block()).number)
        found: list[Address] = []
        for address in dict.fromkeys(log.address for log in reversed(logs)):
            if len(found) < skip + most and artifacts.is_deployed(await node.code(address), "DataFeed"):
                found.append(address)
        return tuple(found[skip:])

    async def history(self) -> FeedHistory:
        """Return terms, roster and rounds; raise NotFound for an address without the code of this version.

        A contract with this code and another constructor may have any values and events: what the constructor of this
        version, or a round's checks, exclude is not a feed either.
        """
        missing = NotFound(f"there is no feed of this version at {self.address}.", money="")
        if not artifacts.is_deployed(await self.node.code(self.address), "DataFeed"):
            raise missing
        try:
            history = await self._history()
        except (DecodingError, ValueError, OverflowError, IndexError) as error:
            raise missing from error
        if not _is_possible(history):
            raise missing
        return history

    async def _history(self) -> FeedHistory:
        names = ("hub", "app", "dataset", "requester", "owner")
        parties = {name: Address(await self._read(name)) for name in names}
        block = await self.node.block()
        registrations = await self._registrations(block.number)
        topic, begin = _FEED.topic("RoundAccepted"), registrations[0].block if registrations else 0
        logs = await self.node.logs(self.address, [[topic]], first=begin, last=block.number)
        events = [_FEED.decode_event(log.topics, log.data) for log in logs]
        rounds = [
            AcceptedRound(Address(station), start, dqf, REASONS[reason], TaskId(to_digest(task)), late)
            for _, (station, start, task, dqf, reason, _, late) in filter(None, events)
        ]
        return FeedHistory(
            **parties,
            window_seconds=int(await self._read("window_seconds")),
            stale_after=int(await self._read("stale_after")),
            now=block.timestamp,
            roster=await self._roster(registrations),
            rounds=tuple(rounds),
        )

    async def register(self, wallet: Wallet, registration: StationRegistration) -> TransactionReceipt:
        """Let a key sign for a sensor, in place of its earlier key. The wallet is the owner's."""
        arguments = (registration.station, registration.sensor)
        return await wallet.call(self.address, "DataFeed", "register", *arguments, action="Registering the station")

    async def pull(self, wallet: Wallet, task: TaskId) -> TransactionReceipt:
        """Deliver the callback data of a completed task that the hub stores. Any wallet."""
        return await wallet.call(self.address, "DataFeed", "pull", task, action="Pulling the round")

    async def roster(self) -> FeedRoster:
        """Return every registration; reads one word for each station and its event."""
        return await self._roster(await self._registrations((await self.node.block()).number))

    async def _roster(self, registrations: Sequence[_RegistrationEvent]) -> FeedRoster:
        stations = tuple(StationRegistration(each.sensor, each.station) for each in registrations)
        return FeedRoster(await self.node.chain(), self.address, stations)

    async def _registrations(self, last: int) -> list[_RegistrationEvent]:
        """Return every registration up to block ``last``, oldest first.

        Reads backwards, in ever larger ranges of blocks, and none before the first registration.
        """
        found: list[_RegistrationEvent] = []
        if not int(await self._read("station_count")):
            return found
        size, topic = FIRST_RANGE, _FEED.topic("StationRegistered")
        while last >= 0 and not (found and found[0].number <= 1):
            first = max(0, last - size + 1)
            logs = await self.node.logs(self.address, [[topic]], first=first, last=last)
            events = [(log.block_number, _FEED.decode_event(log.topics, log.data)) for log in logs]
            earlier = [
                _RegistrationEvent(block, number, Address(station), sensor)
                for block, (_, (station, number, sensor, _)) in ((at, each) for at, each in events if each is not None)
            ]
            found, last, size = [*earlier, *found], first - 1, 2 * size
        return found

    async def latest(self, station: Address) -> DataRound | None:
        """Return a station's round with the newest window; None while it has none."""
        data = _FEED.call_data("latest_round_of", station)
        if not await self.node.call_succeeds(self.address, data, gas=1_000_000, action="Reading the feed"):
            return None
        _, _, start, end, dqf, reason, signed, task, accepted = await self._read("latest_round_of", station)
        stale = bool(await self._read("is_stale", station))
        of_task = TaskId(to_digest(task))
        return DataRound(station, start, end, dqf, REASONS[reason], "0x" + signed.hex(), of_task, accepted, stale)

    async def _read(self, function: str, *arguments: object, at: Digest | None = None) -> Any:
        data = _FEED.call_data(function, *arguments)
        answer = await self.node.call(self.address, data, at=at, action=f"Reading {function} from the feed")
        return _FEED.decode(function, answer)


def _is_possible(history: FeedHistory) -> bool:
    """Return whether terms and rounds keep the bounds of the contract."""
    seconds = history.window_seconds
    has_terms = 0 < seconds <= _MAX_SECONDS and history.stale_after <= _MAX_SECONDS
    return has_terms and all(
        each.dqf <= _MAX_DQF and each.start % seconds == 0 and each.start + seconds <= history.now
        for each in history.rounds
    )
