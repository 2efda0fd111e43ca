"""Feeds: contracts that publish data quality of stations; deploy them, register stations, pull rounds, read them."""

import msgspec

from sealgrid.chain.data_feed import DataFeed, DataRound, FeedRoster, FeedTerms, StationRegistration
from sealgrid.errors import InputRefused
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.resolve import find_app, find_model
from sealgrid.sdk.resources.offers import AssetRef
from sealgrid.units import ZERO_ADDRESS, Address, TaskId, to_bytes


class FeedStation(msgspec.Struct, frozen=True):
    """A sensor of a feed: its present key, and its newest round."""

    sensor: str
    station: Address
    latest: DataRound | None


class FeedState(msgspec.Struct, frozen=True):
    """What a feed says now."""

    feed: Address
    roster: FeedRoster  #: for the file of a run
    stations: tuple[FeedStation, ...]


class AsyncFeeds:
    """The feeds of a network, as the connected account sees them."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def deploy(
        self,
        app: AssetRef,
        model: AssetRef,
        *,
        window: int = 3600,
        stale_after: int = 86_400,
        requester: str | None = None,
    ) -> str:
        """Deploy a feed that accepts answers of this app over this model, judged as this network judges; return it.

        ``window`` is the seconds of a window, ``stale_after`` the seconds from its end until its round is stale.
        With ``requester`` only that account's runs count. The connected account registers the stations.
        Raises NotFound for an unknown app or model, InputRefused for a requester that is no address.
        """
        conn = self._conn
        judge = conn.network.broker
        has_broker = await conn.hub.teebroker() != ZERO_ADDRESS
        terms = FeedTerms(
            hub=conn.network.hub,
            broker=judge if has_broker else ZERO_ADDRESS,
            gate=ZERO_ADDRESS if has_broker else judge,
            app=await find_app(conn, app),
            dataset=await find_model(conn, model),
            requester=ZERO_ADDRESS if requester is None else _address(requester),
            window_seconds=window,
            stale_after=stale_after,
        )
        return (await DataFeed.deploy(conn.wallet, terms)).address

    async def register(self, feed: str, station: str, sensor: str) -> None:
        """Let the key of a station sign for a sensor of the model, in place of its earlier key.

        The account is the feed's owner. Answers that were computed with the earlier roster are refused from now on.
        """
        registration = StationRegistration(sensor, _address(station))
        await self._feed(feed).register(self._conn.wallet, registration)

    async def pull(self, feed: str, task: str) -> None:
        """Deliver the round of a completed task whose callback had too little gas. Any account.

        Raises ContractReverted with the number of the feed's check.
        """
        try:
            to_bytes(task, 32)
        except ValueError as error:
            raise InputRefused(f"{task!r} is not a task.", money="") from error
        await self._feed(feed).pull(self._conn.wallet, TaskId(task))

    async def show(self, feed: str) -> FeedState:
        """Return a feed's roster, and each sensor's newest round."""
        contract = self._feed(feed)
        roster = await contract.roster()
        present = {each.sensor: each.station for each in roster.stations}
        stations = [FeedStation(sensor, station, await contract.latest(station)) for sensor, station in present.items()]
        return FeedState(contract.address, roster, tuple(stations))

    def _feed(self, feed: str) -> DataFeed:
        return DataFeed(self._conn.node, _address(feed))


def _address(written: str) -> Address:
    try:
        return parse_address(written)
    except ValueError as error:
        raise InputRefused(f"{written!r} is not an address.", money="") from error
