from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar.types import ASGIApp

from sealgrid.chain.anvil import revert, snapshot
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.market.api import application
from sealgrid.market.config import MarketConfig
from sealgrid.market.runner import open_service
from sealgrid.market.service import OrderService
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.market import MarketClient
from sealgrid.wire.service_access import ONE_MACHINE
from tests.contracts.scene import Market, local_market
from tests.integration.market.traders import URL, Traders


@pytest.fixture(scope="package")
async def opened() -> AsyncIterator[Market]:
    async with local_market() as market:
        yield market


@pytest.fixture
async def scene(opened: Market) -> AsyncIterator[Market]:
    before = await snapshot(opened.node)
    yield opened
    await revert(opened.node, before)


@pytest.fixture
def config(scene: Market, tmp_path: Path) -> MarketConfig:
    place = scene.deployment
    return MarketConfig(
        folder=tmp_path / "market",
        network=NetworkIdentity(rpc_urls=(scene.node.url,), chain=place.chain, genesis=place.genesis, hub=place.hub),
        orders_per_signer=3,
        access=ONE_MACHINE,
        follow_seconds=3600,  # tests call ``sync``
    )


@pytest.fixture
async def service(scene: Market, config: MarketConfig) -> AsyncIterator[OrderService]:
    async with open_service(config, scene.node) as opened:
        yield opened


@pytest.fixture
def app(service: OrderService, config: MarketConfig) -> ASGIApp:
    return application(service, config)


@pytest.fixture
async def http(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
        yield client


@pytest.fixture
async def traders(scene: Market, app: ASGIApp, service: OrderService) -> AsyncIterator[Traders]:
    async with HttpTransport(URL, http=httpx.ASGITransport(app)) as transport:
        yield Traders(scene, MarketClient(transport, scene.deployment.chain), service)
