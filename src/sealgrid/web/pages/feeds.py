"""Data quality: the feeds of this chain, and each one's stations with their rounds, read anew every few seconds."""

from contextlib import suppress
from typing import Any, Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.chain.data_feed import AcceptedRound, DataFeed, FeedHistory
from sealgrid.errors import ChainError, NotFound
from sealgrid.units import ZERO_ADDRESS
from sealgrid.web.forms import path_address
from sealgrid.web.html.charts import round_strip
from sealgrid.web.html.templates import day, minute
from sealgrid.web.site import Site, WebRequest, page_number, query_text

FEEDS_PER_PAGE: Final = 24  #: each needs some reads of the chain
MAX_STATIONS: Final = 500
SHOWN_ROUNDS: Final = 24  #: windows of each station
GOOD, FAULTY = 80, 50  #: least DQF that is good, highest that counts as faulty


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of the feeds' pages."""

    async def state(address: str) -> dict[str, Any]:
        feed = path_address(address)
        history = await DataFeed(site.conn.node, feed).history()
        if history.hub != site.network.hub:
            raise NotFound("this feed belongs to another hub than this network's.", money="")
        names = site.index.names({history.app, history.dataset})
        return {"feed": feed, "history": history, "names": names, "zero": ZERO_ADDRESS, **_summary(history)}

    @get("/feeds")
    async def feeds(request: WebRequest) -> Response[bytes]:
        if wanted := query_text(request, "address").strip():
            context = await state(wanted)
            return site.page(request, "feed.html", context)
        found, page = [], page_number(request)
        addresses = await DataFeed.find(site.conn.node, FEEDS_PER_PAGE + 1, skip=page * FEEDS_PER_PAGE)
        for address in addresses[:FEEDS_PER_PAGE]:
            with suppress(NotFound, ChainError):  # a stranger's contract with impossible events, or too many
                history = await DataFeed(site.conn.node, address).history()
                if history.hub == site.network.hub:
                    found.append({"feed": address, "history": history, **_summary(history)})
        assets = {asset for each in found for asset in (each["history"].app, each["history"].dataset)}
        has_next_page = len(addresses) > FEEDS_PER_PAGE
        context = {"feeds": found, "names": site.index.names(assets), "page": page, "has_next_page": has_next_page}
        return site.page(request, "feeds.html", context)

    @get("/feeds/{address:str}")
    async def feed(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        return site.page(request, "feed.html", await state(address))

    @get("/feeds/{address:str}/rounds")
    async def rounds(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        return site.fragment(request, "feed_rounds.html", await state(address))

    return [feeds, feed, rounds]


def _summary(history: FeedHistory) -> dict[str, Any]:
    """Return the stations of a feed with their rounds, and how many are stale."""
    of_station: dict[str, list[AcceptedRound]] = {}
    for each in history.rounds:
        of_station.setdefault(each.station, []).append(each)
    present = {each.sensor: each.station for each in history.roster.stations}
    stations = [_station(history, sensor, station, of_station.get(station, [])) for sensor, station in present.items()]
    return {
        "stations": stations[:MAX_STATIONS],
        "count": len(stations),
        "shows_strips": any(len(rounds) > 1 for rounds in of_station.values()),
        "stale": sum(each["stale"] for each in stations),
        "faulty": sum(bool(each["latest"]) and each["latest"].dqf <= FAULTY for each in stations),
        "last": max((each.start + history.window_seconds for each in history.rounds), default=0),
    }


def _station(history: FeedHistory, sensor: str, station: str, rounds: list[AcceptedRound]) -> dict[str, Any]:
    ordered = sorted(rounds, key=lambda each: each.start)
    latest = ordered[-1] if ordered else None
    quality = "" if latest is None else "good" if latest.dqf >= GOOD else "bad" if latest.dqf <= FAULTY else "fair"
    return {
        "sensor": sensor,
        "station": station,
        "latest": latest,
        "window": _window(latest.start, latest.start + history.window_seconds) if latest else "",
        "stale": latest is None or history.is_stale(latest.start),
        "quality": quality,
        "strip": round_strip([(each.start, each.dqf) for each in ordered], history.window_seconds, SHOWN_ROUNDS),
    }


def _window(start: int, end: int) -> str:
    """Return a window in UTC; the date of its end only where it is another one."""
    same_day = day(start) == day(end)
    return f"{minute(start)} to {minute(end)[-5:] if same_day else minute(end)}"
