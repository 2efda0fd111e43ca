"""Reads the marketplace from the live market with the public SDK."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import msgspec

from sealgrid.ados.api.marketplace import Document, MarketplaceApp, ModelOnSale, marketplace, sensors_in
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.resources.offers import Listing, Offer
from sealgrid.shipped_apps.ados.quality.messages import MAX_SENSORS

FRESH_SECONDS: Final = 15.0  #: for which one reading of the market answers
CONCURRENT: Final = 8
MAX_SEALED: Final = 4 << 20  #: bytes of a sealed file that is read to verify an unsigned card; a model has some 100 kB
_INPUT: Final = "windows"  #: of a model of ados: rows, sensors, readings


class LiveMarket:
    """The models of one app that every account may buy. ``clock`` returns monotonic seconds."""

    def __init__(self, client: AsyncClient, app: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._app, self._clock = client, app, clock
        self._lock, self._limit = asyncio.Lock(), asyncio.Semaphore(CONCURRENT)
        self._read: tuple[float, bytes] | None = None
        self._named: dict[tuple[str, int | None], tuple[str, ...]] = {}  # sensors, by model on sale and nodes

    async def listing(self) -> bytes:
        """Return the marketplace as JSON, at most ``FRESH_SECONDS`` old: many requests cost one reading."""
        async with self._lock:
            if self._read is None or self._clock() - self._read[0] > FRESH_SECONDS:
                self._read = (self._clock(), msgspec.json.encode(await self._listing()))
            return self._read[1]

    async def _listing(self) -> Document:
        app = await self._client.apps.show(self._app)
        by_model: dict[str, list[Offer]] = defaultdict(list)
        for offer in await self._client.models.list():
            if offer.app == app.address and offer.buyer is None and offer.uses > 0:
                by_model[offer.address].append(offer)
        self._named = {key: names for key, names in self._named.items() if key[0] in by_model}
        models = await asyncio.gather(*(self._model(offers) for offers in by_model.values()))
        described = MarketplaceApp(app.address, app.name, app.digest)
        return marketplace(self._client.network.chain, described, models)

    async def _model(self, offers: list[Offer]) -> ModelOnSale:
        cheapest = min(offers, key=lambda offer: offer.price)
        async with self._limit:
            listing = await self._client.models.show(cheapest.address)
            nodes = _nodes(listing)
            sensors = () if nodes is not None and nodes > MAX_SENSORS else await self._sensors(cheapest.address, nodes)
        return ModelOnSale(
            address=cheapest.address,
            name=cheapest.name,
            owner=cheapest.owner,
            digest=cheapest.digest,
            location=listing.location,
            price=cheapest.price,
            uses=sum(offer.uses for offer in offers),
            nodes=nodes if nodes is None or nodes <= MAX_SENSORS else None,
            sensors=sensors,
        )

    async def _sensors(self, model: str, nodes: int | None) -> tuple[str, ...]:
        """Return the names of a model's sensors by its owner's card, which never changes."""
        key = (model, nodes)
        if key not in self._named:
            try:
                self._named[key] = sensors_in(await self._client.models.card(model, limit=MAX_SEALED), nodes)
            except InputRefused:
                self._named[key] = ()  # too large a file
            except SealgridError:
                return ()  # its storage node is away now, and nothing depends on it
        return self._named[key]


def _nodes(listing: Listing) -> int | None:
    """Return the number of sensors by a model's public signature, which its owner claims; None without one."""
    inputs = listing.signature.inputs if listing.signature is not None else ()
    shape = next((each.shape for each in inputs if each.name == _INPUT), None)
    size = shape[1] if shape is not None and len(shape) > 1 else None
    return size if isinstance(size, int) and size > 0 else None
