from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.anvil import Anvil, AnvilConfig, revert, snapshot
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.chain.node import Node
from sealgrid.market.api import application
from sealgrid.market.config import MarketConfig
from sealgrid.market.runner import open_service
from sealgrid.market.service import OrderService
from sealgrid.wire.market import MarketClient
from sealgrid.wire.service_access import ONE_MACHINE
from tests.contracts.scene import Market, open_market
from tests.integration.market.traders import InProcess, Traders

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="package")
async def opened() -> AsyncIterator[Market]:
    anvil = AnvilConfig(binary=ROOT / ".cache/anvil/bin/anvil")
    async with await Anvil.start(anvil) as chain, Node(chain.url) as node:
        yield await open_market(node, ROOT / ".cache/poco")


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
        follow_seconds=3600,  # tests say when the market looks at the chain
    )


@pytest.fixture
async def service(scene: Market, config: MarketConfig) -> AsyncIterator[OrderService]:
    async with open_service(config, scene.node) as opened:
        yield opened


@pytest.fixture
async def http(service: OrderService, config: MarketConfig) -> AsyncIterator[httpx.AsyncClient]:
    app = application(service, config)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://market.example") as client:
        yield client


@pytest.fixture
def traders(scene: Market, http: httpx.AsyncClient, service: OrderService) -> Traders:
    return Traders(scene, MarketClient(InProcess(http), scene.deployment.chain), service)
