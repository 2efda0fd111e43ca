"""Reads bundles, cards and offers in the background, so lists need no other service (``SummaryStore``)."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from sealgrid.errors import SealgridError
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import CardSubject
from sealgrid.sdk.operations.key_versions import views_of
from sealgrid.sdk.operations.policies import newest_policy
from sealgrid.units import ZERO_ADDRESS
from sealgrid.web.index.summaries import AssetSummary, summary_of_app, summary_of_model
from sealgrid.web.index.summary_store import SummaryStore
from sealgrid.web.offers import offers_of
from sealgrid.web.storage_cache import CARD_SECONDS, AppBundles, ModelCards
from sealgrid.wire.server import log_unexpected_error

POLL_SECONDS: Final = 0.5
PRICE_SECONDS: Final = 20  #: an older price, and the end of a policy, are read again
AT_ONCE: Final = 4  #: files, then prices, in one step
RETRY_SECONDS: Final = 5.0


class SummaryReader:
    """Fills an index with what lists say about assets; ``clock`` returns Unix seconds."""

    def __init__(self, conn: Connection, store: SummaryStore, clock: Callable[[], float]) -> None:
        self._conn, self._store, self._clock = conn, store, clock
        # Caches of their own: reading every asset must not displace what visitors see.
        self._bundles, self._cards = AppBundles(conn.storage, entries=1), ModelCards(conn.storage, entries=1)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                await self.step()
                await asyncio.sleep(POLL_SECONDS)
            except SealgridError:  # the market is away
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001  a dead reader would leave new assets without a description
                log_unexpected_error(error)
                await asyncio.sleep(RETRY_SECONDS)

    async def step(self) -> int:
        """Read some files and prices that are due; return how many."""
        now = int(self._clock())
        files = await asyncio.to_thread(self._store.due, now, AT_ONCE)
        for asset in files:
            await self._read(self._read_file(asset, now), partial(self._store.postpone, asset, now))
        prices = await asyncio.to_thread(self._store.oldest_prices, now - PRICE_SECONDS, AT_ONCE)
        for asset in prices:
            await self._read(self._read_price(asset, now), partial(self._store.keep_price, asset.address, now))
        return len(files) + len(prices)

    async def _read(self, reading: Awaitable[None], postpone: Callable[[], None]) -> None:
        """Read one asset; postpone one that cannot be read, since the others are behind it."""
        try:
            await reading
        except Exception as error:  # noqa: BLE001  a stranger's asset may be the cause
            if not isinstance(error, SealgridError):
                log_unexpected_error(error)
            await asyncio.to_thread(postpone)

    async def _read_file(self, asset: Any, now: int) -> None:
        summary = await (self._app(asset) if asset.kind == "App" else self._model(asset))
        if summary is None:
            await asyncio.to_thread(self._store.postpone, asset, now)
        else:
            due = now + int(CARD_SECONDS) if asset.kind == "Dataset" else None  # its owner may remove the sealed file
            await asyncio.to_thread(partial(self._store.write, asset, summary, due=due))

    async def _app(self, asset: Any) -> AssetSummary | None:
        details = await self._bundles.details(asset.multiaddr, asset.checksum)
        return None if details is None else await asyncio.to_thread(summary_of_app, details)

    async def _model(self, asset: Any) -> AssetSummary | None:
        card = await self._cards.card(asset.checksum, CardSubject(asset.owner, asset.name, self._conn.domain))
        return None if card is None else await asyncio.to_thread(summary_of_model, card)

    async def _read_price(self, asset: Any, now: int) -> None:
        offers = await offers_of(self._conn, asset.kind, asset.address, 1)
        price, app = (offers[0].price, offers[0].app) if offers else (None, None)
        only_app = None if app == ZERO_ADDRESS else app
        ends = await self._policy_end(asset) if offers and asset.kind == "Dataset" else None
        await asyncio.to_thread(partial(self._store.set_price, asset.address, price, only_app, now, ends=ends))

    async def _policy_end(self, asset: Any) -> int | None:
        """Return when the newest policy that a model's owner signed ends; None if no vault has one."""
        views = await views_of(self._conn, asset.address, asset.owner)
        policy = newest_policy(self._conn, views, asset.address, asset.owner)
        return policy.expiry if policy else None
